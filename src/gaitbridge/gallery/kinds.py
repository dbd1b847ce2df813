"""What walks were made of: simulated, captured or imported, by which segmenter, at which sites, by which LiDARs.

A threshold holds for walks of its own kind: distances of strangers differ from one to the next, so a rate that was calibrated on another is far off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gaitbridge.config import Config
from gaitbridge.names import canonical

WORDS = {"segmenters": "segmented by", "sites": "of the site", "lidars": "of the LiDAR"}


class Kind(Config):
    """Where walks come from; an empty field: nobody knows."""

    kind: str = ""
    """simulated, captured or imported."""
    sites: tuple[str, ...] = ()
    """Where the cameras and LiDARs stood; of an imported store the dataset."""
    segmenters: tuple[str, ...] = ()
    """What told people in pictures from the scene, a model with its hash."""
    lidars: tuple[str, ...] = ()
    """Their models."""

    def in_words(self) -> str:
        """For people; nothing where nothing is known."""
        parts = [("", (self.kind,)), ("by ", self.segmenters), ("of ", self.lidars), ("at ", self.sites)]
        return ", ".join(f"{word}{' and '.join(values)}" for word, values in parts if any(values))

    def unlike(self, other: Kind) -> tuple[str, ...]:
        """In what walks of another kind differ from these, where both are known, in words such as `simulated, not captured`."""
        if self.kind and other.kind and self.kind != other.kind:
            return (f"{self.kind}, not {other.kind}",)  # then neither sites nor segmenters say more
        said = []
        for field, word in WORDS.items():
            own, theirs = getattr(self, field), getattr(other, field)
            if own and (new := [value for value in theirs if value not in own]):
                said.append(f"{word} {' and '.join(own)}, not {' and '.join(new)}")
        return tuple(said)


def kind_of(about: Mapping[str, Any]) -> Kind:
    """The kind of a store's walks, by what its document says about it (`store.document["about"]`)."""
    files = [file for file in about.get("files", ()) if isinstance(file, Mapping)]
    facts = [file["facts"] for file in files if isinstance(file.get("facts"), Mapping)]
    sites = [about.get("site"), about.get("dataset"), *(file.get("site") for file in files)]
    config = about.get("config")
    lidars = [one.get("lidar") for one in (*facts, config) if isinstance(one, Mapping)]
    segmenters = [about.get("segmenter"), *(file.get("segmenter") for file in files)]
    return Kind(kind=str(about.get("kind") or ""), sites=_known(sites), segmenters=_known(segmenters), lidars=_known(lidars))


def together(kinds: Iterable[Kind]) -> Kind:
    """The kind of the walks of several stores."""
    every = list(kinds)
    return Kind(kind=" and ".join(_known(one.kind for one in every)), sites=_known(site for one in every for site in one.sites),
                segmenters=_known(value for one in every for value in one.segmenters), lidars=_known(value for one in every for value in one.lidars))


def _known(values: Iterable[Any]) -> tuple[str, ...]:
    """Names that there are, each once."""
    return tuple(sorted({name for value in values if value and (name := canonical(str(value)))}))
