"""The kinds of failure that a user can meet: their input and their machine, which end a command with exit code 2, and faults of ours."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend: one line that says what is wrong, where, and what to do.

    It is one line whatever goes into it: libraries write their messages over several.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(" ".join(line.strip() for line in str(message).splitlines() if line.strip()))


class StoreError(UserError):
    """A store is missing, damaged or of another version."""


class Busy(UserError):
    """Another process or thread keeps what is needed: a later try may go well."""


class Unknown(UserError):
    """What was asked for by its name is not there."""


class Fault(UserError):
    """A fault of the program that could be said in a line where it was met: it ends a command with exit code 70, and asks to be reported."""


NOT_THEIRS = (StoreError, Busy, Fault)  # UserErrors that say nothing against what was given: the same may go well later


def nearest(word: str, valid: Iterable[str], also: Iterable[str] = ()) -> str:
    """Words for an error message: the name closest to `word`, of the valid ones or others that may stand for them, then all valid ones."""
    names = sorted(set(valid))
    close = difflib.get_close_matches(word, [*names, *also], n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}."


def words_of(error: BaseException, most: int = 160) -> str:
    """What an exception of a library says, for a line of ours: one short line without control characters; with its kind where it says little."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in str(error)).split())
    if " " not in words:
        words = f"{type(error).__name__} {words}".strip()
    return words if len(words) <= most else f"{words[:most].rstrip()} ..."
