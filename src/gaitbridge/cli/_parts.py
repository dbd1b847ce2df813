"""What commands say of work in parts, and where it lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gaitbridge.printing import say

if TYPE_CHECKING:
    from gaitbridge.parts import Part, Survey

SHOWN = 20  # parts and items on the screen


def without_part(words: list[str]) -> list[str]:
    """The words of a command without the part of it that this is."""
    kept = []
    left = iter(words)
    for word in left:
        if word == "--part":
            next(left, None)
        elif not word.startswith("--part="):
            kept.append(word)
    return kept


def place_and_base(out: Path) -> tuple[Path, Path] | None:
    """Where the work on a store, a folder or a file is noted, and the folder of its items; None where there is none. Of a folder of studies: of the
    one that was begun last."""
    from gaitbridge.parts import PLACE

    inner = sorted(out.glob(f"*/{PLACE}/work.json"), key=lambda file: file.stat().st_mtime) if out.is_dir() else []
    for file in (out / PLACE / "work.json", *inner[::-1]):
        if file.is_file():
            return file.parent, file.parent.parent
    beside = [file for file in out.absolute().parent.glob(".*.parts/work.json") if file.parent.name.startswith(f".{out.name}.")]
    newest = max(beside, key=lambda file: file.stat().st_mtime, default=None)
    return (newest.parent, newest.parent) if newest else None


def say_waiting(out: Path, part: Part | None) -> None:
    """That a part is done, and what others owe."""
    from gaitbridge.parts import survey

    place = place_and_base(out)
    if place is None:  # merged by another in this moment
        say(f"{out}: part {part} is done")
        return
    found = survey(*place)
    say(f"{out}: part {part} is done; {len(found.missing)} of {len(found.work['items'])} {found.work['what']} are missing, of other parts. "
        f"`gaitbridge parts {out}` says more; whoever finishes last merges")


def say_survey(out: Path, found: Survey) -> None:
    """What is there, what is missing, and of each part that owes something what became of it."""
    items, what = found.work["items"], found.work["what"]
    say(f"{out}: {len(items) - len(found.missing)} of {len(items)} {what} of `{found.work['command']}` are there")
    owing = [one for one in found.parts if one.owes]
    for one in owing[:SHOWN]:
        say(one.in_words())
    if len(owing) > SHOWN:
        counts = {state: sum(one.state == state for one in owing) for state in dict.fromkeys(one.state for one in owing)}
        say(f"... in all {', '.join(f'{count} {state}' for state, count in counts.items())}")
    if found.missing:
        more = f" and {len(found.missing) - SHOWN} more" if len(found.missing) > SHOWN else ""
        say(f"missing: {', '.join(found.missing[:SHOWN])}{more}")
