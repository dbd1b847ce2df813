"""Losses between a recovered mesh and the true one (after Pixel2Mesh, Wang et al. 2018, and its use in virtual markers, Ma et al. 2023)."""

import torch
from torch import Tensor
from torch.nn import functional


def points_l1(recovered: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of coordinates [B, P, 3], in their unit."""
    return (recovered - truth).abs().mean()


def edge_lengths(vertices: Tensor, edges: Tensor) -> Tensor:
    """Lengths [B, E] of the edges [E, 2] of meshes [B, V, 3]."""
    return torch.linalg.vector_norm(vertices[:, edges[:, 0]] - vertices[:, edges[:, 1]], dim=-1)


def edge_loss(recovered: Tensor, truth: Tensor, edges: Tensor) -> Tensor:
    """Mean absolute difference of edge lengths of meshes [B, V, 3], in their unit."""
    return (edge_lengths(recovered, edges) - edge_lengths(truth, edges)).abs().mean()


def normal_loss(recovered: Tensor, truth: Tensor, triangles: Tensor) -> Tensor:
    """Mean absolute cosine between the recovered edges of each triangle and its true normal: zero where the surface points the same way.

    recovered, truth [B, V, 3]; triangles [F, 3].
    """
    a, b, c = (truth[:, triangles[:, corner]] for corner in range(3))
    normal = functional.normalize(torch.cross(b - a, c - a, dim=-1), dim=-1)
    a, b, c = (recovered[:, triangles[:, corner]] for corner in range(3))
    cosines = [(functional.normalize(edge, dim=-1, eps=1e-6) * normal).sum(-1).abs() for edge in (b - a, c - b, a - c)]
    return torch.stack(cosines).mean()
