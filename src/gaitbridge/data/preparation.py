"""Arrays as a network takes them: pictures cut to its size, so many points of each frame."""

from typing import Any

import numpy as np

from gaitbridge import clouds
from gaitbridge.conventions import POINTS
from gaitbridge.errors import UserError
from gaitbridge.types import is_picture

Size = tuple[int, int]


def columns_to_cut(found: Size, wanted: Size, what: str) -> int:
    """How many columns go on each side of pictures of the size `found` (height, width) for a network that takes `wanted`.

    The field publishes silhouettes of 64 x 64 and cuts ten columns on each side for networks of 64 x 44; what is 44 wide already is left
    alone. Any other size is refused: UserError, with `what` it is.
    """
    spare = found[1] - wanted[1]
    if found[0] != wanted[0] or spare < 0 or spare % 2:
        raise UserError(f"{what} is {found[0]}x{found[1]}, this network takes {wanted[0]}x{wanted[1]} (or wider, to be cut): prepare it so, "
                        f"or train a network of its size with --set network.size=[{found[0]},{found[1]}]")
    return spare // 2


def fitted(pictures: np.ndarray, size: Size | None, name: str, what: str = "") -> np.ndarray:
    """Pictures [T, ..., H, W] as a network of `size` (H, W) takes them: a view without the columns of `columns_to_cut`; None leaves all, and so do
    arrays whose name in types.ARRAYS is no picture's. what: how an error calls them."""
    if size is None or not is_picture(name) or pictures.shape[-2:] == tuple(size):
        return pictures
    cut = columns_to_cut((pictures.shape[-2], pictures.shape[-1]), size, what or name)
    return pictures[..., cut : cut + size[1]]


def prepared(name: str, array: np.ndarray, network: Any, what: str) -> np.ndarray:
    """An array [T, ...] of a sequence as a network of the settings `network` takes it: pictures of its `size`; of the points [P, 5] as many of each
    frame as its `points`, drawn by their content."""
    if name == POINTS:
        return clouds.drawn(array, network.points)
    return fitted(array, getattr(network, "size", None), name, what)


def frames_in(name: str, array: np.ndarray) -> int:
    """Frames of an array of that name."""
    return clouds.frame_count(array) if name == POINTS else len(array)


def first_frames(name: str, array: np.ndarray, count: int) -> np.ndarray:
    """The first `count` frames of an array of that name."""
    return array[array[:, clouds.FRAME] < count] if name == POINTS else array[:count]
