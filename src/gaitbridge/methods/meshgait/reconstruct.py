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


def recover(network: nn.Module, silhouettes: Sequence[np.ndarray], read_out: ReadOut, mesh: Mesh = "convex", heatmaps: bool = False,
            device: torch.device | str = "cpu") -> list[Bodies]:
    """Joints, markers and mesh of each frame of sequences uint8 [T, H, W]; frames without a person are not `known`.

    network: one whose `silhouette_encoder` is a `FusedEncoder` with heatmaps; lengths are metric by the scale that it recovers itself. mesh: by
    the convex map of the markers, by the same adapted to their confidence, or by the linear map of joints and markers. heatmaps: keep them
    too, [T, J + M, D, H', W'].
    """
    network.eval()
    encoder = network.silhouette_encoder
    assert isinstance(encoder, FusedEncoder)
    assert encoder.config is not None
    found, group = [], max(1, FRAMES_AT_ONCE // max(len(one) for one in silhouettes))
    for start in range(0, len(silhouettes), group):
        some = silhouettes[start : start + group]
        images, frames = padded(some)
        with torch.inference_mode():
            encoded = encoder(prepare_silhouettes(images.to(device)), frames.to(device))
            read_off = {name: value.cpu().numpy() for name, value in encoder.read_off(encoded).items()}
            volumes = None
            if heatmaps and encoded.branch is not None:
                kinds = [normalised(encoder.branch.volumes(encoded.branch[0], kind), encoder.config.depth) for kind in ("joints", "markers")]
                volumes = torch.cat(kinds, dim=1).unflatten(0, images.shape[:2]).cpu().numpy()
        for row, one in enumerate(some):
            own = {name: value[row, : len(one)] for name, value in read_off.items()}
            found.append(_bodies(own, one, encoder.config.joints, read_out, mesh, None if volumes is None else volumes[row, : len(one)]))
    return found


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
