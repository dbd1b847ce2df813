"""Nobody or the name, of each track of a store: what `gallery search --reject` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gaitbridge.cli._app import say
from gaitbridge.cli._gallery import embed, having, modalities_of, sensor_of, some_at_least
from gaitbridge.cli._quality import good_plans
from gaitbridge.printing import per_cent

if TYPE_CHECKING:
    from gaitbridge.gallery.answers import Hit
    from gaitbridge.gallery.identification import Identification
    from gaitbridge.gallery.templates import Where

AT_ONCE = 64  # sequences


def print_decisions(opened: Any, run: Any, source: Any, numbers: Sequence[int], probe: str | None, where: Where, reject: float, top: int, fuse: bool,
                    exact: bool, json: bool, least_quality: float) -> None:
    """Print what the gallery says of each track, the decision first, then the people nearest as evidence; warnings once."""
    from gaitbridge.gallery.kinds import kind_of
    from gaitbridge.printing import say_json, tell

    warned: set[str] = set()
    named = asked = 0
    provenance = ""
    for modality, tracks in _tracks(run, source, numbers, probe, fuse, least_quality):
        embedded = _of_tracks(embed(run, source, [number for _, own in tracks for number in own], modality), [len(own) for _, own in tracks])
        found = opened.identify(embedded, reject, where, top, kind_of(source.document["about"]), exact)
        for (track, own), one in zip(tracks, found, strict=True):
            for warning in sorted(set(one.warnings) - warned):
                tell(f"warning: {warning}")
            warned |= set(one.warnings)
            asked, named, provenance = asked + 1, named + (one.decision is not None), one.provenance
            if json:
                say_json(document(track, [source.rows[number]["key"] for number in own], one))
                continue
            bound = "at most " if one.rate_is_bound or one.beyond else ""
            say(f"{track} ({sensor_of(modality)}, {len(own)} sequence{'s' * (len(own) > 1)}): {one.decision or 'nobody'}; a stranger comes as near "
                f"to one of {one.people} people in {bound}{per_cent(one.rate)} of searches")
            for place, hit in enumerate(one.hits, 1):
                say(f"  {place:2} {hit.person:24} distance {hit.distance:.4f}  {_rate(hit):13} by {hit.template.sensor} {hit.template.key}"
                    f"{' at ' + hit.template.site if hit.template.site else ''}")
    if not json:
        say(f"{named} of {asked} named, at a false-positive identification rate of {reject:g} among {one.people} people (true: "
            f"{per_cent(one.low)} to {per_cent(one.high)}, 95 % interval over people); {provenance}")


def document(track: str, keys: Sequence[str], found: Identification) -> dict[str, Any]:
    """An identification as JSON."""
    hits = [{"person": hit.person, "sensor": hit.template.sensor, "site": hit.template.site, "template": hit.template.key, "distance": hit.distance,
             "score": hit.score, "rate": hit.identification_rate} for hit in found.hits]
    return {"query": track, "decision": found.decision, "reject": found.reject, "rate": found.rate, "rate_is_bound": found.rate_is_bound,
            "threshold": found.threshold, "rate_low": found.low, "rate_high": found.high, "people": found.people, "extrapolated": found.beyond,
            "probe": found.probe, "sequences": list(keys), "hits": hits, "provenance": found.provenance, "warnings": list(found.warnings)}


def _rate(hit: Hit) -> str:
    return "" if hit.identification_rate is None else per_cent(hit.identification_rate)


def _tracks(run: Any, source: Any, numbers: Sequence[int], probe: str | None, fuse: bool,
            least_quality: float) -> Iterator[tuple[str, list[tuple[str, list[int]]]]]:
    """(modality, some tracks by name with their sequences that are good enough), in the store's order; each by itself without `fuse`."""
    from gaitbridge.gallery.tracks import track_of

    plans = [(modality, own) for modality in modalities_of(run, probe) if (own := having(source, numbers, run.inputs[modality]))]
    some_at_least(plans, source, run, probe)
    kind = str(source.document["about"].get("kind", ""))
    for modality, own in good_plans(source, plans, least_quality):
        tracks: dict[str, list[int]] = {}
        for number in own:
            key = source.rows[number]["key"]
            tracks.setdefault(track_of(key, kind) if fuse else key, []).append(number)
        some: list[tuple[str, list[int]]] = []
        for track in tracks.items():
            some.append(track)
            if sum(len(members) for _, members in some) >= AT_ONCE:
                yield modality, some
                some = []
        if some:
            yield modality, some


def _of_tracks(embedded: Any, counts: Sequence[int]) -> list[Any]:
    """Embeddings of all sequences as one for each track."""
    made, start = [], 0
    for count in counts:
        made.append(embedded.between(start, start + count))
        start += count
    return made
