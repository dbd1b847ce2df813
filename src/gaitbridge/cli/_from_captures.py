"""What captures say of strangers without a label, for `calibrate --from-captures`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaitbridge.cli._gallery import chosen, having
from gaitbridge.cli._quality import good_plans

if TYPE_CHECKING:
    from gaitbridge.gallery.captured_sides import Sides
    from gaitbridge.gallery.decision import Known
    from gaitbridge.gallery.kinds import Kind


@dataclass(frozen=True)
class Evidence:
    """Embedded sides, what is known of their pairs, and what they are of."""

    sides: Sides
    known: dict[tuple[int, int], Known]
    kind: Kind
    name: str
    data_hash: str

    def in_words(self) -> str:
        """What was found in the recordings."""
        wholes = [one for side in self.sides.sightings for one in side if not one.half]
        halves = sum(len(side) for side in self.sides.sightings) - len(wholes)
        apart = sum(int(pairs.different.sum()) // (1 + (probe == gallery)) for (probe, gallery), pairs in self.known.items() if probe <= gallery)
        across = sum(int(pairs.same.sum()) for (probe, gallery), pairs in self.known.items() if probe < gallery)
        alone = f", and {across} whom both sensors saw alone" if len(self.sides.sightings) > 1 else ""
        return (f"{len(wholes)} sequences of {len({one.track for one in wholes})} tracks: {apart} pairs of two people, seen at one time; "
                f"{halves // 2} of one person, halves of one walk{alone}")


def from_captures(run: Any, places: Sequence[Path], where: Sequence[str] | None, least_quality: float) -> Evidence:
    """Embed captured stores with what their recordings say of their pairs. least_quality: of a walk; what is below is not asked with either.

    UserError where they are not captured, or of two segmenters.
    """
    import hashlib

    from gaitbridge.errors import UserError
    from gaitbridge.gallery.captured_sides import captured_sides
    from gaitbridge.gallery.decision import Known
    from gaitbridge.gallery.kinds import kind_of, together
    from gaitbridge.progress import progress
    from gaitbridge.store import Store

    stores = [Store(place) for place in places]
    kind = together(kind_of(store.document["about"]) for store in stores)
    if len(kind.segmenters) > 1:
        raise UserError(f"people were segmented by {' and '.join(kind.segmenters)}: their distances differ; calibrate on captures by one of them, "
                        "that which will be asked with")

    def embed(modality: str, arrays: Sequence[Any]) -> Any:
        return run.embed_stored(**{name: [one[name] for one in arrays] for name in run.inputs[modality]})

    good = [(store, _good(run, store, chosen(store, where), least_quality)) for store in stores]
    with progress("calibrate", "sequences") as show:
        sides = captured_sides(good, run.inputs, embed, show)
    hashes = sorted(store.content_hash for store in stores)
    data_hash = hashes[0] if len(hashes) == 1 else hashlib.blake2b("".join(hashes).encode(), digest_size=16).hexdigest()
    known = {pair: Known(different, same) for pair, (different, same) in sides.known.items()}
    return Evidence(sides, known, kind, " and ".join(store.path.resolve().name for store in stores), data_hash)


def _good(run: Any, store: Any, numbers: Sequence[int], least: float) -> list[int]:
    """Sequences that are good enough to be asked with; the others are told."""
    plans = [(modality, own) for modality, names in run.inputs.items() if (own := having(store, numbers, names))]
    return sorted({number for _, own in good_plans(store, plans, least) for number in own}) if plans else []
