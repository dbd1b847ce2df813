"""Parts as processes of this machine, N at a time: `--on processes:N`. Each may use its share of the cores."""

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from gaitbridge import machine
from gaitbridge.errors import UserError
from gaitbridge.launchers._errands import Ended, Errand, Running

LOOK_S = 0.1  # between two looks at what runs


def count(place: str) -> int:
    """N of `processes:N`. UserError where it is none."""
    number = place.partition(":")[2]
    if not (number.isdecimal() and len(number) < 5 and int(number) > 0):
        raise UserError(f"--on {place}: write processes:N, N at a time, such as processes:2")
    return int(number)


def launch(errands: Sequence[Errand], place: str, options: Mapping[str, str]) -> Generator[Ended, None, None]:
    """The parts as they end; closed early, those that run are asked to end and waited for."""
    if options:
        raise UserError(f"--on processes takes no --with {'=... '.join(options)}=...")
    at_once = count(place)
    cores, waiting, running = max(1, machine.cores() // at_once), iter(errands), list[Running]()
    try:
        while True:
            running += [Running(replace(errand, cores=cores)) for errand in islice(waiting, at_once - len(running))]
            if not running:
                return
            ended = [(one, found) for one in running if (found := one.ended())]
            running = [one for one in running if one not in [gone for gone, _ in ended]]
            yield from (found for _, found in ended)
            if not ended:
                time.sleep(LOOK_S)
    finally:
        for one in running:
            one.ask()
        for one in running:
            one.end()
