"""3D bodies on demand: the read-out that recognition does without. `gaitbridge reconstruct`, and `Model.reconstruct`."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from gaitbridge.data.batches import padded
from gaitbridge.methods.meshgait.reconstruction import confidences
from gaitbridge.models.fused_encoder import FusedEncoder
from gaitbridge.models.heatmaps import normalised
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.simulation.body._read_out import ReadOut
from gaitbridge.types import Bodies

Mesh = Literal["convex", "confidence", "dense"]
FRAMES_AT_ONCE = 256
LEARNT_HZ = 10.0  # frames a second of the simulator's stores, which alone have bodies to learn from


def recover(network: nn.Module, silhouettes: Sequence[np.ndarray], read_out: ReadOut, mesh: Mesh = "convex", heatmaps: bool = False,
            device: torch.device | str = "cpu", rates_hz: Sequence[float] | None = None) -> list[Bodies]:
    """Joints, markers and mesh of each frame of sequences uint8 [T, H, W]; frames without a person are not `known`.

    network: one whose `silhouette_encoder` is a `FusedEncoder` with heatmaps; lengths are metric by the scale that it recovers itself. mesh: by
    the convex map of the markers, by the same adapted to their confidence, or by the linear map of joints and markers. heatmaps: keep them
    too, [T, J + M, D, H', W']. rates_hz: frames a second of each sequence, as learnt from where not given: frames before and after are to be as
    long apart as in training, whatever a film's rate.
    """
    network.eval()
    encoder = network.silhouette_encoder
    assert isinstance(encoder, FusedEncoder)
    assert encoder.config is not None
    rates = rates_hz if rates_hz is not None else [LEARNT_HZ] * len(silhouettes)
    every = [max(1, round(encoder.config.every * rate / LEARNT_HZ)) if encoder.config.context else 1 for rate in rates]
    apart = [one[start::steps] for one, steps in zip(silhouettes, every, strict=True) for start in range(min(steps, len(one)))]
    found, group = [], max(1, FRAMES_AT_ONCE // max(len(one) for one in apart))
    for start in range(0, len(apart), group):
        some = apart[start : start + group]
        found += [{name: value[row, : len(one)] for name, value in read_off.items()}
                  for read_off in [_read_off(encoder, some, heatmaps, device)] for row, one in enumerate(some)]
    parts, bodies = iter(found), []
    for one, steps in zip(silhouettes, every, strict=True):
        own = [next(parts) for _ in range(min(steps, len(one)))]
        whole = {name: _interleaved([part[name] for part in own]) for name in own[0]}
        bodies.append(_bodies(whole, one, encoder.config.joints, read_out, mesh, whole.get("heatmaps")))
    return bodies


def _read_off(encoder: FusedEncoder, silhouettes: Sequence[np.ndarray], heatmaps: bool, device: torch.device | str) -> dict[str, np.ndarray]:
    """What is read off the heatmaps of sequences uint8 [T_i, H, W], padded to the longest: arrays [N, T, ...], with `heatmaps` these too."""
    assert encoder.config is not None
    images, frames = padded(silhouettes)
    with torch.inference_mode():
        encoded = encoder(prepare_silhouettes(images.to(device)), frames.to(device))
        found = encoder.read_off(encoded)
        if heatmaps and encoded.branch is not None:
            kinds = [normalised(encoder.branch.volumes(encoded.branch.features, kind), encoder.config.depth) for kind in ("joints", "markers")]
            found["heatmaps"] = torch.cat(kinds, dim=1).unflatten(0, images.shape[:2])
    return {name: value.cpu().numpy() for name, value in found.items()}


def _interleaved(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The frames of a walk, of which each part has every so many-th: part k the frames k, k + n, k + 2 n ... of n parts."""
    whole = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    for start, part in enumerate(parts):
        whole[start :: len(parts)] = part
    return whole


def _bodies(read_off: Mapping[str, np.ndarray], silhouettes: np.ndarray, joints: int, read_out: ReadOut, mesh: Mesh,
            heatmaps: np.ndarray | None) -> Bodies:
    """`points` [T, J + M, 3] in picture heights, their `spread` [T, J + M] and `scale_m` [T] to bodies about the root."""
    points, scale_m = read_off["points"], read_off["scale_m"].astype(np.float32)
    root = points[:, :1]
    metres = ((points - root) * scale_m[:, None, None]).astype(np.float32)
    sure = confidences(torch.from_numpy(read_off["spread"][:, joints:])).numpy() if mesh == "confidence" else None
    vertices = read_out.vertices(metres[:, :joints], metres[:, joints:], dense=mesh == "dense", confidence=sure)
    root_px = (root[:, 0, :2] * silhouettes.shape[1] - 0.5).astype(np.float32)
    known = np.asarray(silhouettes.any((1, 2)))
    return Bodies(metres[:, :joints], metres[:, joints:], vertices.astype(np.float32), root_px, scale_m, known, heatmaps)
