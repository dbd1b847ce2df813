"""The two kinds of failure that a user can meet: their input, and their machine. Both end a command with exit code 2."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend: one line that says what is wrong, where, and what to do."""


class StoreError(UserError):
    """A store is missing, damaged or of another version."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """Words for an error message: the valid name closest to `word`, then all of them."""
    names = sorted(valid)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names) or 'none'}."
