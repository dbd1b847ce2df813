"""Names of people, places and whatever else users call by a name: one spelling each, wherever they come in.

Unicode writes one and the same name in several ways: é is a letter, or e with an accent that follows. Files and folders that came from a Mac have
the latter, keyboards give the former. Blanks at the ends come from spreadsheets.
"""

import unicodedata
from functools import lru_cache
from itertools import product

from gaitbridge.printing import shown

MOST_SPELLINGS = 256


def canonical(name: str) -> str:
    """The one spelling of a name: composed letters (NFC), no blanks at the ends, bytes of a file's name that are no UTF-8 as escapes: \\xe9."""
    if name.isascii():
        return name.strip()
    return unicodedata.normalize("NFC", _readable(name)).strip()


def _readable(name: str) -> str:
    """Without the halves of letters by which Python stands for bytes that are no UTF-8, and which no file of ours can hold."""
    return "".join(shown(letter) if "\ud800" <= letter <= "\udfff" else letter for letter in name)


@lru_cache(maxsize=4096)
def spellings(name: str) -> tuple[str, ...]:
    """Every way in which a name may stand where it was written before names had one spelling: `canonical(name)` first.

    Composed and decomposed letter by letter; of names with very many such letters all composed and all decomposed.
    """
    one = canonical(name)
    ways = [tuple(dict.fromkeys((letter, *_decomposed(letter)))) for letter in one]
    count = 1
    for way in ways:
        count *= len(way)
    found = map("".join, product(*ways)) if count <= MOST_SPELLINGS else [one, unicodedata.normalize("NFD", one)]
    return tuple(dict.fromkeys((one, *found, name)))


def _decomposed(letter: str) -> tuple[str, ...]:
    """The spellings of a letter by several: all apart, and the last accent apart."""
    whole = unicodedata.normalize("NFD", letter)
    last = unicodedata.normalize("NFC", whole[:-1]) + whole[-1:]
    return (last, whole)
