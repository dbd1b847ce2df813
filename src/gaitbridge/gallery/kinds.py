"""What walks were made of: simulated, captured or imported, by which segmenter, at which site. A threshold holds for walks of its own kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gaitbridge.config import Config
from gaitbridge.names import canonical


class Kind(Config):
    """Where walks come from; an empty field: nobody knows."""

    kind: str = ""
    """simulated, captured or imported."""
    site: str = ""
    segmenter: str = ""
    """What told people from the scene."""

    def in_words(self) -> str:
        """For people; nothing where nothing is known."""
        return ", ".join(part for part in (self.kind, self.segmenter and f"by {self.segmenter}", self.site and f"at {self.site}") if part)

    def unlike(self, other: Kind) -> tuple[str, ...]:
        """In which fields two kinds differ, for those that both know: `simulated, not captured`."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in type(self).model_fields)
        return tuple(f"{own}, not {theirs}" for own, theirs in pairs if own and theirs and own != theirs)


def kind_of(about: Mapping[str, Any]) -> Kind:
    """The kind of a store's walks, by what its document says about it (`store.document["about"]`)."""
    settings = about.get("settings")
    known = settings if isinstance(settings, Mapping) else {}
    return Kind(kind=str(about.get("kind", "")), site=canonical(str(about.get("site") or known.get("site") or "")),
                segmenter=str(about.get("segmenter") or known.get("segmenter") or ""))
