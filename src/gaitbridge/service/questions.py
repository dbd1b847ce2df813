"""Questions to a gallery, as they come over HTTP: sequences or embeddings, as JSON or as a .npz."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.config import Config, Share
from gaitbridge.conventions import MODALITIES, SENSOR
from gaitbridge.errors import UserError, nearest
from gaitbridge.files import workplace
from gaitbridge.gallery.templates import LONGEST_NAME
from gaitbridge.service.answering import embedded, inputs_of, judged
from gaitbridge.service.sequences import check
from gaitbridge.service.state import State
from gaitbridge.types import ARRAYS, Distance, Embeddings

READER = "gaitbridge.service.questions:read_file"
Name = Annotated[str, Field(max_length=LONGEST_NAME)]


class GivenArray(Config):
    """An array: its bytes row after row, little-endian, in base64."""

    shape: Annotated[tuple[Annotated[int, Field(ge=0, le=100_000)], ...], Field(min_length=1, max_length=5)]
    dtype: Literal["uint8", "float32", "float64"] = "float32"
    data: str

    def array(self, where: str) -> np.ndarray:
        """The array. UserError where bytes and shape do not agree."""
        kind = np.dtype(self.dtype).newbyteorder("<")
        try:
            data = base64.b64decode(self.data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UserError(f"{where}: data is no base64: encode the array's bytes") from error
        if len(data) != math.prod(self.shape) * kind.itemsize:
            raise UserError(f"{where}: {len(data)} bytes are no {self.dtype} {list(self.shape)}")
        return np.frombuffer(data, kind).reshape(self.shape).astype(self.dtype)


class GivenEmbeddings(Config):
    """Embeddings [N, C, K] of one modality, made by the gallery's own network: its weights' hash says so."""

    modality: str
    """silhouettes (or camera), range_views (or lidar), ..."""
    weights_hash: str
    distance: Distance | None = None
    """What they are meant for; by default the gallery's."""
    values: list[list[list[float]]] | None = None
    """As plain numbers, or"""
    packed: GivenArray | None = None
    """as bytes."""


class Question(Config):
    """Who walks here? Give `embeddings` or `sequences`."""

    embeddings: GivenEmbeddings | None = None
    sequences: Annotated[list[dict[str, GivenArray]], Field(max_length=1000)] | None = None
    """Each the arrays of one walk by name: silhouettes, range_views, ...; their times NAME_time_s where known."""
    top: Annotated[int, Field(ge=1, le=1000)] = 5
    """How many people for each."""
    reject: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decide: how often somebody who is not enrolled may be given a name. Refused where nothing calibrated can state it."""
    together: bool = False
    """With reject: all are walks of one person, taken together."""
    sensor: str = ""
    """Compare with templates of this sensor only, camera or lidar."""
    site: Name = ""
    """Compare with templates of this site only."""
    since: str | None = None
    """Compare with templates recorded in this time only, such as 2026-11-01."""
    until: str | None = None
    exact: bool = False
    """Compare every template by parts, where an index was built, too."""
    least_quality: Share | None = None
    """Sequences of less quality are not judged; by default as the service was started."""
    person: Name = ""
    """To verify: who they claim to be."""
    rate: Annotated[float, Field(gt=0, lt=1)] | None = None
    """To verify: a calibrated false-match rate; by default the strictest there is."""


@dataclass(frozen=True)
class Asked:
    """What is asked about: embeddings of the walks that are fit, by the number of the walk; why others are not."""

    embeddings: dict[int, Embeddings]
    unfit: dict[int, str]


def asked(state: State, question: Question) -> Asked:
    """The embeddings of a question; UserError where it gives none, or of another network."""
    if (question.embeddings is None) == (question.sequences is None):
        raise UserError("give either embeddings or sequences")
    if question.embeddings is not None:
        given = question.embeddings
        if (given.values is None) == (given.packed is None):
            raise UserError("embeddings: give either values or packed")
        values = _values(given.values) if given.packed is None else given.packed.array("embeddings.packed")
        return of_embeddings(state, values, given.modality, given.weights_hash, given.distance or state.gallery.distance)
    walks = [{name: one.array(f"sequences.{number}.{name}") for name, one in walk.items()} for number, walk in enumerate(question.sequences or [])]
    return of_sequences(state, walks, question.least_quality)


def _values(given: Any) -> np.ndarray:
    try:
        return np.asarray(given, np.float32)
    except ValueError as error:
        raise UserError("embeddings.values: the rows have unlike lengths: give [N, C, K]") from error


def of_embeddings(state: State, values: np.ndarray, modality: str, weights_hash: str, distance: Any) -> Asked:
    """Of embeddings that were made elsewhere, by the gallery's network."""
    if modality not in MODALITIES:
        raise UserError(f"embeddings.modality {modality!r}: {nearest(modality, MODALITIES)}")
    if values.ndim != 3 or not len(values):
        raise UserError(f"embeddings are {list(values.shape)}: give [N, C, K] (walks, channels, parts) of one walk or more")
    own = MODALITIES[modality]
    of_sensor = [name for name in state.model.modalities if SENSOR[name] == SENSOR[own]]
    named = own if own in of_sensor or not of_sensor else of_sensor[0]
    every = Embeddings(np.ascontiguousarray(values, np.float32), distance, named, weights_hash)
    return Asked({number: every.between(number, number + 1) for number in range(len(values))}, {})


def of_sequences(state: State, walks: Sequence[Mapping[str, np.ndarray]], least_quality: float | None) -> Asked:
    """Of sequences: each judged, and embedded where it is fit."""
    if not walks:
        raise UserError("sequences: give one walk or more")
    floor = state.settings.least_quality if least_quality is None else least_quality
    made, unfit = dict[int, Embeddings](), dict[int, str]()
    for number, arrays in enumerate(walks):
        check(f"sequences.{number}", arrays)
        given = tuple(name for name in arrays if name in ARRAYS)
        inputs = inputs_of(state.model, "camera", given) or inputs_of(state.model, "lidar", given)
        if not inputs:
            takes = " or ".join(" with ".join(names) for names in state.model.inputs.values())
            raise UserError(f"sequences.{number} has {', '.join(sorted(arrays)) or 'nothing'}: the gallery's network takes {takes}")
        found = judged([arrays], inputs, floor)
        if found.problem:
            unfit[number] = found.problem
            continue
        with state.embedding:
            made[number] = embedded(state.model, [arrays], inputs)
    return Asked(made, unfit)


def read_sent(state: State, body: bytes) -> dict[str, Any]:
    """What the bytes of a .npz hold (`read_file`), read in a process of its own."""
    with workplace(state.kept.uploads / "question") as folder:
        file = folder / "question.npz"
        file.write_bytes(body)
        try:
            return dict(run_isolated(READER, file, seconds=state.settings.stall_s, megabytes=state.settings.memory_mb))
        except UserError as error:
            raise UserError(str(error).replace(str(file), "the file")) from error


def read_file(path: Path) -> dict[str, Any]:
    """What a .npz holds, for a process of its own: embeddings as `gaitbridge embed` writes them, or sequences. UserError where it is neither."""
    from gaitbridge.evaluation.embedding.file import read_any
    from gaitbridge.service.sequences import read_sequences

    sequences = read_sequences(path)
    if sequences is not None:
        return {"sequences": [one["arrays"] for one in sequences]}
    held = read_any(path)
    if not held.about:
        raise UserError(f"{path} does not say which network made its embeddings: send a file of `gaitbridge embed`")
    about = held.about
    return {"values": np.array(held.values), "modality": about["modality"], "weights_hash": about["weights_hash"], "distance": held.distance}
