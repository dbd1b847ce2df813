"""Gaitbridge: recognise people by how they walk, across cameras and LiDARs. The Python API is described in docs/python.md."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaitbridge.capture.lidar.run import capture_lidar
    from gaitbridge.capture.stores import Told
    from gaitbridge.capture.video.run import capture_videos
    from gaitbridge.errors import StoreError, UserError
    from gaitbridge.evaluation.ranking.matrix import distance
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.templates import Walk, Where
    from gaitbridge.inference.loading import load
    from gaitbridge.inference.session import Model
    from gaitbridge.inference.stored import create_gallery, stored_walks
    from gaitbridge.store import Store
    from gaitbridge.types import Embeddings

__version__ = "0.1.0"
__all__ = [
    "Embeddings", "Gallery", "Model", "Store", "StoreError", "Told", "UserError", "Walk", "Where",
    "capture_lidar", "capture_videos", "create_gallery", "distance", "load", "stored_walks",
]  # fmt: skip
_WHERE = {
    "load": "inference.loading", "Model": "inference.session", "stored_walks": "inference.stored", "create_gallery": "inference.stored",
    "distance": "evaluation.ranking.matrix", "Embeddings": "types", "Store": "store", "Gallery": "gallery.gallery", "Walk": "gallery.templates",
    "Where": "gallery.templates", "capture_videos": "capture.video.run", "capture_lidar": "capture.lidar.run", "Told": "capture.stores",
    "UserError": "errors", "StoreError": "errors",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Each name is imported when it is first asked for: some need PyTorch, which `gaitbridge --help` does not."""
    if name not in _WHERE:
        raise AttributeError(f"module 'gaitbridge' has no attribute {name!r}")
    found = getattr(import_module(f"gaitbridge.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
