"""Parts as tasks of a Ray cluster: `--on ray://HOST:PORT`, the options of its tasks as `--with NAME=VALUE`.

Ray places them, and runs those of workers and machines that died again, three times if not told otherwise. Its machines see the same storage and have
the same gaitbridge installed. Ray's port lets whoever reaches it run programs: it belongs on a network of one's own.
"""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gaitbridge.errors import UserError, words_of
from gaitbridge.launchers._errands import Ended, Errand, run

LOOK_S = 1.0  # between two looks at what runs
NUMBERS = {"num_cpus": float, "num_gpus": float, "memory": int, "max_retries": int}
WORDS = ("accelerator_type", "scheduling_strategy")


class Killed(Exception):
    """The part's process was killed, say as memory ran out: another try may go well."""


def task(errand: Errand) -> Ended:
    """A part, on whichever machine. Killed where a signal ended it."""
    ended = run(errand)
    if ended.code is not None and ended.code < 0:
        raise Killed(f"its process on {ended.host} was ended by signal {-ended.code}")
    return ended


def launch(errands: Sequence[Errand], place: str, options: Mapping[str, str]) -> Generator[Ended, None, None]:
    """The parts as they end; closed early, they are cancelled."""
    if not place.startswith("ray://") or len(place) == len("ray://"):
        raise UserError(f"--on {place}: write ray://HOST:PORT, the port that the head's Ray client server listens on, most often 10001")
    given = checked(options)
    try:
        import ray
    except ImportError as error:
        raise UserError("--on ray://... needs the package ray: pip install 'gaitbridge[ray]'") from error
    try:
        ray.init(place, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError where nobody answers, RuntimeError of another version, others of its transport
        raise UserError(f"--on {place}: {words_of(error, 300)}") from error
    try:
        part = ray.remote(task).options(retry_exceptions=[Killed], **given)
        cores = max(1, int(given["num_cpus"]))
        yield from _ending(ray, {part.remote(replace(errand, cores=cores)): errand for errand in errands})
    finally:
        ray.shutdown()


def checked(options: Mapping[str, str]) -> dict[str, Any]:
    """Options of Ray's tasks. UserError where there is no such option, or it is a number and the value none."""
    given: dict[str, Any] = {"num_cpus": 1.0, "max_retries": 3}
    for name, value in options.items():
        if name not in NUMBERS and name not in WORDS:
            raise UserError(f"--with {name}=...: tasks of Ray take {', '.join([*NUMBERS, *WORDS])}")
        try:
            given[name] = NUMBERS[name](value) if name in NUMBERS else value
        except ValueError as error:
            raise UserError(f"--with {name}={value}: a number is wanted") from error
    return given


def _ending(ray: Any, tasks: dict[Any, Errand]) -> Iterator[Ended]:
    left = dict(tasks)
    try:
        while left:
            done, _ = ray.wait(list(left), num_returns=1, timeout=LOOK_S)
            for one in done:
                errand = left.pop(one)
                yield _result(ray, one, errand)
    finally:
        for one in left:
            ray.cancel(one, force=False)  # the task's own clean-up ends its process


def _result(ray: Any, one: Any, errand: Errand) -> Ended:
    try:
        found: Ended = ray.get(one)
        return found
    except Exception as error:  # a worker that died too often, a machine without gaitbridge: whatever Ray hands on
        lines = [line for line in str(error).splitlines() if line.strip()]
        return Ended(errand, None, lines[-1].strip() if lines else type(error).__name__)
