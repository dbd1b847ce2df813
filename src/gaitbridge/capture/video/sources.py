"""What can be watched: streams, cameras of this machine, folders that fill up, standard input. Nothing is opened here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gaitbridge.errors import UserError, nearest
from gaitbridge.names import canonical

Kind = Literal["stream", "camera", "folder", "film", "input"]
SCHEMES = ("rtsp", "rtsps", "http", "https")
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(?:([^/@]*)@)?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One thing to watch. place: an address, a path, or - for standard input; name: how it is called in answers and messages: without a password."""

    kind: Kind
    place: str
    name: str

    @property
    def live(self) -> bool:
        """Whether what it shows happens now."""
        return self.kind in ("stream", "camera")


def source_of(word: str) -> Source:
    """The source that a word names. UserError where it is none, or is not there: of streams nothing is known before they are opened."""
    if word == "-":
        return Source("input", word, "standard input")
    if found := _URL.fullmatch(word):
        scheme, who, rest = found.groups()
        if scheme.lower() not in SCHEMES:
            raise UserError(f"{scheme}:// is no kind of stream that is watched: {nearest(scheme, SCHEMES)}")
        if not rest.strip("/"):
            raise UserError(f"{word}: it names no machine: write it as {scheme}://HOST/PATH")
        return Source("stream", word, canonical(f"{scheme}://{rest}") if who is not None else canonical(word))
    path = Path(word)
    if path.is_dir():
        return Source("folder", word, canonical(word))
    if path.is_char_device():
        return Source("camera", word, canonical(word))
    if path.is_file():
        return Source("film", word, canonical(path.name))
    raise UserError(f"{word}: there is no such folder, film or camera, and it is no rtsp:// or http:// stream: check it")
