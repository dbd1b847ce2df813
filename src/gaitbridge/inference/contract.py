"""What an exported file promises to whoever runs it, by any runtime: the names of its inputs and outputs, and NaN for what is no walk.

A file of one sensor takes its arrays by name and `frames`, and gives `embeddings`. A file of several has `<modality>_frames` and
`<modality>_embeddings` for each. The checks of `data.contents` are part of the graph: a walk that fails one is NaN throughout, the others of the
batch are not touched.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gaitbridge.conventions import PARSING_LABELS
from gaitbridge.data.contents import CAMERA_COLUMNS, FARTHEST_M

FRAMES, EMBEDDINGS = "frames", "embeddings"


def frames_of(modality: str, about: Mapping[str, Any]) -> str:
    """The graph's input of a modality's frame counts [N]; files written before there were files of one sensor do not say it."""
    named: Mapping[str, str] = about.get(FRAMES, {})
    return named.get(modality, f"{modality}_{FRAMES}")


def output_of(modality: str, about: Mapping[str, Any]) -> str:
    """The graph's output of a modality's embeddings [N, C, K]."""
    named: Mapping[str, str] = about.get(EMBEDDINGS, {})
    return named.get(modality, f"{modality}_{EMBEDDINGS}")


def names_of(modalities: Sequence[str]) -> dict[str, dict[str, str]]:
    """What the metadata of a file of these modalities say of its names."""
    if len(modalities) == 1:
        return {FRAMES: {modalities[0]: FRAMES}, EMBEDDINGS: {modalities[0]: EMBEDDINGS}}
    return {FRAMES: {m: f"{m}_{FRAMES}" for m in modalities}, EMBEDDINGS: {m: f"{m}_{EMBEDDINGS}" for m in modalities}}


def _some(where: Tensor, real: Tensor) -> Tensor:
    """bool [N]: whether a condition bool [N, T] holds in any of the real frames bool [N, T]."""
    return (where & real).any(1)


def _no_bytes(pictures: Tensor, real: Tensor) -> Tensor:
    """Pictures uint8: nothing shows in the whole walk, or it holds 0 and 1 in place of 0 to 255."""
    return ~_some(pictures.flatten(2).amax(2) > 1, real)


def _no_metres(ranges: Tensor, real: Tensor) -> Tensor:
    """Ranges float32: nothing came back in the whole walk, or some are infinite, 0 or less, or farther than any LiDAR sees (no metres)."""
    flat = ranges.flatten(2)
    nothing = torch.isnan(flat)  # no comparison sees it: OpenVINO holds NaN for smaller than zero
    nearest, farthest = torch.where(nothing, 1.0, flat).amin(2), torch.where(nothing, 0.0, flat).amax(2)
    return _some((nearest <= 0) | (farthest > FARTHEST_M), real) | ~_some(farthest > 0, real)


def _no_body(parameters: Tensor, real: Tensor) -> Tensor:
    """SMPL parameters float32: a pose or a shape that is not finite."""
    return _some(~torch.isfinite(parameters[..., CAMERA_COLUMNS:]).all(2), real)


def _no_joints(skeletons: Tensor, real: Tensor) -> Tensor:
    """Skeletons float32: no joint in the whole walk, a value that is not finite, or a score below 0."""
    flat = skeletons.flatten(2)
    wrong = ~torch.isfinite(flat).all(2) | (skeletons[..., 2].amin(2) < 0)
    return _some(wrong, real) | ~_some((flat != 0).any(2), real)


def _no_labels(parsing: Tensor, real: Tensor) -> Tensor:
    """Body parts of pixels uint8: none in the whole walk, or a label that there is not."""
    highest = parsing.flatten(2).amax(2)
    return ~_some(highest > 0, real) | _some(highest >= len(PARSING_LABELS), real)


def _no_points(points: Tensor, real: Tensor) -> Tensor:
    """Points float32 [N, T, P, 3]: no frame has any, or some are farther than any LiDAR sees (no metres)."""
    flat = points.flatten(2)
    nothing = torch.isnan(flat)
    farthest = torch.where(nothing, 0.0, flat.abs()).amax(2)
    return _some(farthest > FARTHEST_M, real) | ~_some(~nothing.any(2), real)


_CHECKS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "silhouettes": _no_bytes, "range_views": _no_metres, "depth_pictures": _no_bytes, "pose_heatmaps": _no_bytes, "smpl": _no_body,
    "skeletons": _no_joints, "parsing": _no_labels, "points": _no_points,
}  # fmt: skip


def no_walks(arrays: Mapping[str, Tensor], frames: Tensor) -> Tensor:
    """bool [N]: which rows are no walk, of arrays [N, T, ...] by name and their frame counts [N]: fewer than one frame, more than there are, or an
    array whose values cannot be what its name says. Frames beyond the count are not looked at."""
    length = next(iter(arrays.values())).shape[1]
    real = torch.arange(length, device=frames.device)[None] < frames[:, None]
    bad = (frames < 1) | (frames > length)
    for name, array in arrays.items():
        bad = bad | _CHECKS[name](array, real)
    return bad
