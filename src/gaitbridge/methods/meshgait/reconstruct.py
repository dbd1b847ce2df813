"""3D bodies on demand: the read-out that recognition does without. `gaitbridge reconstruct`, and `Model.reconstruct`."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from gaitbridge.data.batches import padded
from gaitbridge.models.fused_encoder import FusedEncoder
from gaitbridge.models.heatmaps import normalised
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.simulation.body._read_out import ReadOut
from gaitbridge.types import Bodies

FRAMES_AT_ONCE = 256


def recover(network: nn.Module, silhouettes: Sequence[np.ndarray], read_out: ReadOut, dense: bool = False, heatmaps: bool = False,
            device: torch.device | str = "cpu") -> list[Bodies]:
    """Joints, markers and mesh of each frame of sequences uint8 [T, H, W]; frames without a person are not `known`.

    network: one whose `silhouette_encoder` is a `FusedEncoder` with heatmaps. Lengths are metric by the scale that the network itself recovers. heatmaps: keep
    them too, [T, J + M, D, H', W']. dense: the mesh by the linear map of joints and markers instead of the convex one of markers.
    """
    network.eval()
    encoder = network.silhouette_encoder
    assert isinstance(encoder, FusedEncoder) and encoder.config is not None
    found, group = [], max(1, FRAMES_AT_ONCE // max(len(one) for one in silhouettes))
    for start in range(0, len(silhouettes), group):
        some = silhouettes[start : start + group]
        images, frames = padded(some)
        with torch.inference_mode():
            encoded = encoder(prepare_silhouettes(images.to(device)), frames.to(device))
            points, scale = encoder.read_off(encoded)
            volumes = None
            if heatmaps and encoded.branch is not None:
                kinds = [normalised(encoder.branch.volumes(encoded.branch[0], kind), encoder.config.depth) for kind in ("joints", "markers")]
                volumes = torch.cat(kinds, dim=1).unflatten(0, points.shape[:2]).cpu().numpy()
        for row, one in enumerate(some):
            length = len(one)
            own = None if volumes is None else volumes[row, :length]
            joints = encoder.config.joints
            found.append(_bodies(points[row, :length].cpu().numpy(), scale[row, :length].cpu().numpy(), one, joints, read_out, dense, own))
    return found


def _bodies(points: np.ndarray, scale_m: np.ndarray, silhouettes: np.ndarray, joints: int, read_out: ReadOut, dense: bool,
            heatmaps: np.ndarray | None) -> Bodies:
    """Points [T, J + M, 3] in picture heights and scale_m [T] to bodies about the root."""
    root = points[:, :1]
    metres = ((points - root) * scale_m[:, None, None]).astype(np.float32)
    vertices = read_out.vertices(metres[:, :joints], metres[:, joints:], dense)
    root_px = (root[:, 0, :2] * silhouettes.shape[1] - 0.5).astype(np.float32)
    return Bodies(metres[:, :joints], metres[:, joints:], vertices.astype(np.float32), root_px, scale_m.astype(np.float32),
                  silhouettes.any((1, 2)), heatmaps)
