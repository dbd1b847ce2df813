"""Gaitbridge: recognise people by how they walk, across cameras and LiDARs."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["distance", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `distance` are imported when first asked for: they need PyTorch, which `gaitbridge --help` does not."""
    if name == "load":
        from gaitbridge.inference.loading import load

        return load
    if name == "distance":
        from gaitbridge.evaluation.ranking.matrix import distance

        return distance
    raise AttributeError(f"module 'gaitbridge' has no attribute {name!r}")
