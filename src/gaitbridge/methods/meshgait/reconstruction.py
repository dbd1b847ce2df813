"""What supervises the heatmaps: joints, virtual markers, and the mesh that follows from the markers. Training only."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from gaitbridge.config import Config, Count, Weight
from gaitbridge.losses.mesh import edge_loss, normal_loss, points_l1
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.models.temporal import masked_to_zero
from gaitbridge.simulation.truth import read_out_of


class ReconstructionConfig(Config):
    """Weights of the losses between what is read off the heatmaps and the truth; all lengths in metres."""

    body: str = "anny-10pc"
    """The body model of the truth, whose virtual markers and mesh are used; or a .npz that `gaitbridge learn-markers` wrote."""
    joints: Weight = 80.0
    """Of the distance of each joint from the truth, the mean of absolute differences."""
    markers: Weight = 80.0
    """The same of the markers."""
    vertices: Weight = 16.0
    """The same of the mesh's vertices."""
    edges: Weight = 8.0
    """Of the difference in length of the mesh's edges."""
    normals: Weight = 0.16
    """Of the angle between the mesh's edges and the true surface's normals."""
    cells: Weight = 8.0
    """Of the cross-entropy between each heatmap and the cells about the true place: without it heatmaps stay as wide as the picture."""
    cells_of: Literal["points", "sets"] = "points"
    """What that cross-entropy is the mean of: all points alike, where 64 markers leave the 31 joints a third of it, or joints and markers each for
    themselves, both means then added."""
    coarse_cells: Weight = 2.0
    """Of the same cross-entropy on the coarser grid, with network.heatmaps.two_scales."""
    scale: Weight = 4.0
    """Of the difference of log scale."""
    shape: Weight = 0.0
    """Of the difference of the bones' mean lengths over the walk, in metres: of the build, which is the person's, not of any one frame's pose."""
    read_out: Literal["convex", "dense"] = "convex"
    """Vertices as sparse convex combinations of the markers, or as a linear map of joints and markers."""
    confidence: bool = False
    """Let markers whose heatmaps are spread out count less in the convex combination, which stays convex."""
    detach_mesh: bool = False
    """Keep the mesh losses' gradients out of the heatmaps."""
    mesh_frames: Count = 32
    """Frames of a batch, drawn anew each time, on which the mesh losses are computed."""

    @property
    def mesh(self) -> bool:
        """Whether any loss needs vertices."""
        return max(self.vertices, self.edges, self.normals) > 0


class Reconstruction(nn.Module):
    """The losses of one batch by name, weighted, and the read-out."""

    convex: Tensor
    dense: Tensor
    triangles: Tensor
    edges: Tensor
    parents: Tensor

    def __init__(self, config: ReconstructionConfig, joints: int, markers: int) -> None:
        super().__init__()
        self.config, self.joints = config, joints
        read_out = read_out_of(config.body)
        if (len(read_out.joint_names), len(read_out.marker_vertices)) != (joints, markers):
            raise ValueError(f"{config.body} has {len(read_out.joint_names)} joints and {len(read_out.marker_vertices)} markers, the network "
                             f"has {joints} and {markers}: set network.heatmaps.joints and .markers")
        triangles = read_out.triangles.astype(np.int64)
        edges = np.unique(np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1), axis=0)
        for name, array in (("convex", read_out.convex.toarray()), ("dense", read_out.dense), ("triangles", triangles), ("edges", edges)):
            self.register_buffer(name, torch.from_numpy(array), persistent=False)
        self.register_buffer("parents", torch.from_numpy(np.asarray(read_out.parents, np.int64)), persistent=False)

    def forward(self, read_off: Mapping[str, Tensor], truth: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What `FusedEncoder.read_off` gives against the extras of `Truth`; frames in which nobody is seen do not count."""
        weights, known, points = self.config, truth["known"], read_off["points"]
        if not bool(known.any()):
            return {"joints": points.sum() * 0.0}
        scale = truth["scale_m"][known]                                                   # [B]
        # the true scale turns the picture's heights into metres, so that the scale's own error does not move the points
        metres = self.about(points[known], truth["root"][known]) * scale[:, None, None]   # [B, J + M, 3]
        joints, markers = metres[:, : self.joints], metres[:, self.joints :]
        losses = {"joints": weights.joints * points_l1(joints, truth["joints"][known]),
                  "scale": weights.scale * (read_off["scale_m"][known] / scale).log().abs().mean()}
        if weights.cells and "log_likelihood" in read_off:
            losses["cells"] = weights.cells * self.cell_loss(read_off["log_likelihood"][known])
        if weights.coarse_cells and "coarse_log_likelihood" in read_off:
            losses["coarse_cells"] = weights.coarse_cells * self.cell_loss(read_off["coarse_log_likelihood"][known])
        if weights.shape:
            whole = self.about(points.flatten(0, 1), truth["root"].flatten(0, 1)) * truth["scale_m"].flatten()[:, None, None]
            losses["shape"] = weights.shape * self.shape_loss(whole.unflatten(0, points.shape[:2])[:, :, : self.joints], truth["joints"], known)
        if weights.markers:
            losses["markers"] = weights.markers * points_l1(markers, truth["markers"][known])
        if weights.mesh:
            some = torch.randperm(len(metres), device=metres.device)[: weights.mesh_frames]
            given = metres[some].detach() if weights.detach_mesh else metres[some]
            losses |= self.mesh_losses(self.vertices(given, read_off["spread"][known][some]), truth["vertices"][known][some])
        return losses

    def cell_loss(self, likelihood: Tensor) -> Tensor:
        """The cross-entropy of heatmaps whose true places have this log likelihood [B, J + M]."""
        joints, markers = -likelihood[:, : self.joints].mean(), likelihood[:, self.joints :]
        if not self.config.markers:
            return joints
        return -likelihood.mean() if self.config.cells_of == "points" else joints - markers.mean()

    def shape_loss(self, recovered: Tensor, truth: Tensor, known: Tensor) -> Tensor:
        """Mean difference of the bones' mean lengths over each walk's known frames [N, T], of joints [N, T, J, 3] in metres."""
        counted = known.sum(1)
        lengths = [masked_to_zero(bone_lengths(joints.nan_to_num(), self.parents), known).sum(1) for joints in (recovered, truth)]  # [N, bones]
        mean, true = (length / counted.clamp(min=1)[:, None] for length in lengths)
        return (mean - true).abs()[counted > 0].mean()

    def about(self, points: Tensor, root: Tensor) -> Tensor:
        """Points [B, P, 3] in picture heights about the true root's place [B, 2]."""
        zero = torch.zeros_like(root[:, :1])
        return points - torch.cat([root, zero], dim=1)[:, None]

    def vertices(self, points: Tensor, spread: Tensor) -> Tensor:
        """The mesh [B, V, 3] from joints and markers [B, J + M, 3], in their unit and frame; spread [B, J + M] for the confidence."""
        if self.config.read_out == "dense":
            return torch.einsum("vp,bpa->bva", self.dense, points)
        markers = points[:, self.joints :]
        if not self.config.confidence:
            return torch.einsum("vm,bma->bva", self.convex, markers)
        sure = confidences(spread[:, self.joints :])[:, :, None]
        return torch.einsum("vm,bma->bva", self.convex, sure * markers) / torch.einsum("vm,bma->bva", self.convex, sure)

    def mesh_losses(self, recovered: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """Vertices, edges and normals of meshes [B, V, 3]."""
        weights = self.config
        losses = {"vertices": weights.vertices * points_l1(recovered, truth)}
        if weights.edges:
            losses["edges"] = weights.edges * edge_loss(recovered, truth, self.edges)
        if weights.normals:
            losses["normals"] = weights.normals * normal_loss(recovered, truth, self.triangles)
        return losses


def bone_lengths(joints: Tensor, parents: Tensor) -> Tensor:
    """Lengths [..., J - 1] of the bones from each joint [..., J, 3] but the root to its parent [J], in the joints' unit."""
    bones = joints[..., 1:, :] - joints[..., parents[1:], :]
    return (bones.square().sum(-1) + 1e-8).sqrt()  # a gradient at no length, too


def confidences(spread: Tensor) -> Tensor:
    """How much each point counts [B, P], from its heatmap's spread in picture heights: the inverse of its variance and that of 2 cm."""
    return 1.0 / (spread.square() + 0.012**2)


def example_truth(heatmaps: HeatmapConfig, count: int, frames: int) -> dict[str, Tensor]:
    """Random truth of the right shapes, for checks that need no store."""
    sets = (("joints", heatmaps.joints), ("markers", heatmaps.markers), ("vertices", 1229))
    made = {name: torch.randn(count, frames, points, 3) * 0.3 for name, points in sets}
    return made | {"root": torch.full((count, frames, 2), 0.5), "scale_m": torch.full((count, frames), 1.7),
                   "known": torch.ones(count, frames, dtype=torch.bool)}
