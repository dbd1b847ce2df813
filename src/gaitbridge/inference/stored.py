"""Walks of a store to what a gallery takes: their embeddings, and who and what they are. What the commands of the gallery do, for Python."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gaitbridge.conventions import MODALITIES, PARSING, SENSOR
from gaitbridge.data.batches import has_all
from gaitbridge.data.captured import caught, is_captured
from gaitbridge.data.contents import content_problem
from gaitbridge.documents import read_document
from gaitbridge.errors import UserError, nearest
from gaitbridge.gallery import gallery
from gaitbridge.gallery.cohort import cohort_beside
from gaitbridge.gallery.decision import read_calibration
from gaitbridge.gallery.templates import Walk, checked_name, sequence_id
from gaitbridge.inference import shipped
from gaitbridge.inference.session import Model
from gaitbridge.store import Store
from gaitbridge.types import ARRAYS, Embeddings, array_shape
from gaitbridge.walks import FLOOR
from gaitbridge.walks.stored import good_enough

AT_ONCE = 64  # sequences whose arrays are held together


def create_gallery(place: str, model: Model) -> gallery.Gallery:
    """Make an empty gallery for the embeddings of a model; its calibration comes along where it has one.

    UserError where there is something of that name, or the calibration is another network's.
    """
    calibration = cohort = None
    if (file := model.run / "calibration.json").is_file():
        calibration = read_calibration(read_document(file, dict[str, Any], "calibrate again"), model.weights_hash, str(file))
        cohort = cohort_beside(calibration.cohort, model.run)
    made = gallery.create(place, model.weights_hash, shape_of(model), model.distance, model.modalities, shipped.named(model.run))
    if calibration is not None:
        made.keep_calibration(calibration, cohort)
    return made


def shape_of(model: Any) -> tuple[int, int]:
    """(C, K) of a model's embeddings, seen on a walk that fills its pictures."""
    modality = model.modalities[0]
    arrays: dict[str, Any] = {}
    for name in model.inputs[modality]:
        filled = 1 if name == PARSING or ARRAYS[name][0] is not np.uint8 else 255
        arrays[name] = [np.full(array_shape(name, 4, model.network.config), filled, ARRAYS[name][0])]
    return tuple(model.embed_stored(**arrays).values.shape[1:])


def stored_walks(
    model: Model, store: Store, sensor: str, numbers: Sequence[int] | None = None, *, person: str = "", site: str = "",
    recorded_s: float | None = None, least_quality: float = FLOOR,
) -> tuple[Embeddings, list[Walk]]:  # fmt: skip
    """The embeddings of some of a store's sequences by one sensor, and a `Walk` each, as `Gallery.enrol` takes them.

    sensor: camera or lidar; numbers: which sequences (`Store.select`), by default all that the model can take; person: who walks in all of them, by
    default each sequence's own label; site, recorded_s (seconds since 1970): to filter by, by default what the capture knows; least_quality: those
    below (`walks.quality`) are left out, 0 takes all. The embeddings' `keys` say which sequences they are. UserError where the model takes nothing of
    that sensor, there is no such sequence, none is good enough, or one holds values that cannot be.
    """
    modality = _modality(model, sensor)
    names = model.inputs[modality]
    chosen = [number for number in (range(len(store.rows)) if numbers is None else numbers) if has_all(store.rows[number], names)]
    if not chosen:
        raise UserError(f"{store.path}: none of the sequences chosen has {' with '.join(names)}, which the {sensor} gives")
    good = good_enough(store, chosen, modality, least_quality)
    if not good.kept:
        first, words = next(iter(good.left_out.items()))
        raise UserError(f"{store.path}: none of {len(chosen)} sequences is good enough: {store.rows[first]['key']}: {words}; least_quality=0 takes "
                        "them all the same")
    ids = ids_of(store, good.kept, modality, names)
    who = checked_name(person) if person else ""
    known = caught(store) if is_captured(store) else {}
    walks = []
    for number in good.kept:
        row = store.rows[number]
        there = known.get(row["key"])
        walks.append(Walk(ids[number], who or row["person"], row["key"], store.content_hash, site or (there.site if there else ""),
                          there.clock_s if there and recorded_s is None else recorded_s))
    keys = tuple(walk.key for walk in walks)
    return replace(embed(model, store, good.kept, modality), keys=keys), walks


def _modality(model: Model, sensor: str) -> str:
    """What a model takes of a sensor."""
    if sensor not in MODALITIES:
        raise UserError(f"unknown sensor {sensor!r}: {nearest(sensor, ('camera', 'lidar'))}")
    found = [modality for modality in model.modalities if sensor in (modality, SENSOR[modality])]
    if not found:
        raise UserError(f"{model.run} takes nothing of a {sensor}: it embeds {' and '.join(model.modalities)}")
    return found[0]


def arrays_of(store: Store, numbers: Sequence[int], names: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """The arrays `names` of some sequences."""
    return [{name: sequence.arrays[name] for name in names} for sequence in store.read_many(numbers, names)]


def ids_of(store: Store, numbers: Sequence[int], modality: str, names: Sequence[str]) -> dict[int, str]:
    """The content's name of each sequence, by number."""
    found: dict[int, str] = {}
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        found |= {number: sequence_id(modality, arrays) for number, arrays in zip(some, arrays_of(store, some, names), strict=True)}
    return found


def embed(model: Any, store: Store, numbers: Sequence[int], modality: str) -> Embeddings:
    """Embeddings of sequences, a few at a time. UserError names a sequence whose values are none, such as one in which nothing shows."""
    made: list[Embeddings] = []
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        arrays = arrays_of(store, some, model.inputs[modality])
        for number, one in zip(some, arrays, strict=True):
            for name, array in one.items():
                if problem := content_problem(name, array):
                    raise UserError(f"{store.path}: {name} of {store.rows[number]['key']} {problem}")
        made.append(model.embed_stored(**{name: [one[name] for one in arrays] for name in model.inputs[modality]}))
    return Embeddings.joined(made)
