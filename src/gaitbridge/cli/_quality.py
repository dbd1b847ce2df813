"""The floor of quality in the gallery's commands: what is below it is left out, said and counted."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Any

from cyclopts import Parameter, validators

SHOWN = 5  # that are named
MANY = 1000  # from which on the judging has a bar of its own
LeastQuality = Annotated[float, Parameter(validator=validators.Number(gte=0, lte=1))]


def good_plans(source: Any, plans: Sequence[tuple[str, list[int]]], least: float) -> list[tuple[str, list[int]]]:
    """(modality, sequences) without those below the floor, which are told; UserError where none is left."""
    from gaitbridge.errors import UserError
    from gaitbridge.printing import tell
    from gaitbridge.progress import progress, silent
    from gaitbridge.walks.stored import good_enough

    good = []
    left: dict[tuple[int, str], str] = {}
    for modality, numbers in plans:
        with progress("judge", "walks") if len(numbers) > MANY else nullcontext(silent) as show:
            found = good_enough(source, numbers, modality, least, show)
        good.append((modality, found.kept))
        left |= {(number, modality): words for number, words in found.left_out.items()}
    lines = [f"{source.rows[number]['key']}: {words}" for (number, _), words in left.items()]
    if lines and not any(numbers for _, numbers in good):
        raise UserError(f"{source.path}: none of {len(lines)} sequences is good enough: {lines[0]}{' and so on' if len(lines) > 1 else ''}; "
                        "--least-quality 0 takes them all the same")
    for line in lines[:SHOWN]:
        tell(f"left out: {line}")
    if lines:
        more = f", of which {SHOWN} are named" if len(lines) > SHOWN else ""
        tell(f"{len(lines)} of {sum(len(numbers) for _, numbers in plans)} sequences left out, as their quality is below {least:g}{more}; "
             "--least-quality 0 takes them all the same")
    return [(modality, numbers) for modality, numbers in good if numbers]
