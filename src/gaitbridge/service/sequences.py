"""A .npz of sequences, read in a process of its own: arrays as the Python API's `embed` takes them.

    silhouettes                   uint8 [T, H, W], one walk; [N, T, H, W] is N of them
    silhouettes_time_s            its seconds [T], where known
    NAME/silhouettes              of several walks, each under a name
    range_views, smpl, ...        likewise; `types.ARRAYS` has the shapes
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.data.contents import content_problem
from gaitbridge.errors import UserError, nearest
from gaitbridge.foreign_pickles import DAMAGED, read_arrays
from gaitbridge.types import ARRAYS, array_problem

MOST = 1000  # sequences of a file
TIMES = "_time_s"


def read_sequences(path: Path) -> list[dict[str, Any]] | None:
    """name and arrays (by name) of each sequence of a file; None where it holds no array of such a name: it may be scans. UserError where an array is
    not as it should be."""
    try:
        held = read_arrays(path)
    except DAMAGED as error:
        raise UserError(f"{path} is no .npz of plain arrays, or damaged ({type(error).__name__}): write it again with numpy.savez") from error
    found: dict[str, dict[str, np.ndarray]] = {}
    for key, array in held.items():
        group, _, name = key.rpartition("/")
        if name in ARRAYS or name.removesuffix(TIMES) in ARRAYS:
            found.setdefault(group, {})[name] = np.asarray(array)
    named = {group: arrays for group, arrays in found.items() if set(arrays) & set(ARRAYS)}
    if not named:
        return None
    sequences = [one for group, arrays in named.items() for one in _split(group, arrays)]
    if len(sequences) > MOST:
        raise UserError(f"{path} holds {len(sequences)} sequences, more than {MOST}: send it in parts")
    for one in sequences:
        check(one["name"], one["arrays"])
    return sequences


def check(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """UserError where an array of a sequence is not what its name says."""
    for key, array in arrays.items():
        if key.removesuffix(TIMES) not in ARRAYS:
            raise UserError(f"{name}: no array {key[:100]!r}: {nearest(key, ARRAYS)}")
        if key.endswith(TIMES):
            length = len(arrays.get(key.removesuffix(TIMES), array))
            if array.shape != (length,) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
                raise UserError(f"{name}: {key} must be finite seconds, one for each of {length} frames")
        elif problem := array_problem(key, array):
            raise UserError(f"{name}: {key} {problem}")
        elif not len(array):
            raise UserError(f"{name}: {key} has no frame: leave it out")
        elif problem := content_problem(key, array):
            raise UserError(f"{name}: {key} {problem}")


def _split(group: str, arrays: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    """The sequences of one name: one, or as many as its arrays have rows."""
    many = {key: len(array) for key, array in arrays.items() if key in ARRAYS and array.ndim == len(ARRAYS[key][1].split(", ")) + 1}
    if not many:
        return [{"name": group or "sequence", "arrays": dict(arrays)}]
    count = next(iter(many.values()))
    if set(many) != set(arrays) & set(ARRAYS) or len(set(many.values())) > 1:
        raise UserError(f"{group or 'the file'}: as many sequences of each array are needed: {many}")
    return [{"name": f"{group or 'sequence'}-{number + 1}", "arrays": {key: array[number] if key in many or array.ndim == 2 else array
                                                                       for key, array in arrays.items()}} for number in range(count)]  # fmt: skip
