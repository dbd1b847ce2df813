"""What a gallery says to a question: the people nearest, nobody or the name, whether it is who they claim to be; as --json has it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gaitbridge.conventions import MODALITIES, SENSOR
from gaitbridge.errors import UserError, nearest
from gaitbridge.gallery.answers import Hit
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Where, instant
from gaitbridge.service.answering import hit_document, said
from gaitbridge.service.questions import Asked, Question
from gaitbridge.service.state import State
from gaitbridge.types import Embeddings


def where_of(question: Question) -> Where:
    """Which templates are compared with."""
    if question.sensor and question.sensor not in MODALITIES:
        raise UserError(f"sensor {question.sensor!r}: {nearest(question.sensor, ('camera', 'lidar'))}")
    sensor = SENSOR[MODALITIES[question.sensor]] if question.sensor else ""
    return Where(sensor=sensor, site=question.site, since_s=instant(question.since, "since"), until_s=instant(question.until, "until"))


def search(state: State, question: Question, about: Asked, kind: Kind) -> dict[str, Any]:
    """The nearest people to each walk, or with `reject` nobody or the name of each, or of all together."""
    unfit = [{"query": number, "outcome": "unfit", "problem": why, "hits": []} for number, why in about.unfit.items()]
    found = _nearest(state, question, about) if question.reject is None else _decided(state, question, about, kind, question.reject)
    calibration = state.gallery.calibration()
    return {"results": sorted([*found, *unfit], key=lambda one: int(one["query"])), "warnings": list(state.gallery.warnings(kind)),
            "provenance": calibration.in_words() if calibration else None}


def _nearest(state: State, question: Question, about: Asked) -> list[dict[str, Any]]:
    where = where_of(question)
    return [{"query": number, "probe": SENSOR[every.modality], "hits": [_hit(hit) for hit in found]}
            for numbers, every in _by_modality(about.embeddings)
            for number, found in zip(numbers, state.gallery.search(every, where, question.top, question.exact), strict=True)]


def _hit(hit: Hit) -> dict[str, Any]:
    return {name: value for name, value in hit_document(hit).items() if name not in ("score", "rate")} | {
        "false_match_rate": hit.rate, "rate_is_bound": hit.below}


def _decided(state: State, question: Question, about: Asked, kind: Kind, reject: float) -> list[dict[str, Any]]:
    tracks = _by_modality(about.embeddings) if question.together else [([number], one) for number, one in about.embeddings.items()]
    if not tracks:
        return []
    found = state.gallery.identify([track for _, track in tracks], reject, where_of(question), question.top, kind, question.exact)
    results = [{"query": numbers[0], "queries": numbers, "probe": SENSOR[track.modality], **said(one)}
               for (numbers, track), one in zip(tracks, found, strict=True)]
    for one in results:
        state.metrics.walks.labels(one["outcome"]).inc()
    return results


def verify(state: State, question: Question, about: Asked, kind: Kind) -> dict[str, Any]:
    """Whether each walk is taken for the person's, at a stated false-match rate."""
    if not question.person:
        raise UserError("person: say who they claim to be")
    results: dict[int, dict[str, Any]] = {number: {"query": number, "accepted": None, "problem": why} for number, why in about.unfit.items()}
    for numbers, every in _by_modality(about.embeddings):
        for number, answer in zip(numbers, state.gallery.verify(every, question.person, where_of(question), question.rate, kind), strict=True):
            results[number] = {"query": number, **asdict(answer)}
    return {"person": question.person, "results": [results[number] for number in sorted(results)]}


def _by_modality(embeddings: Mapping[int, Embeddings]) -> list[tuple[list[int], Embeddings]]:
    """Walks of one modality together, with their numbers."""
    groups: dict[str, list[int]] = {}
    for number, one in embeddings.items():
        groups.setdefault(one.modality, []).append(number)
    return [(numbers, Embeddings.joined([embeddings[number] for number in numbers]))
            for numbers in groups.values()]  # fmt: skip
