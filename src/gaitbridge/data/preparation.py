"""Pictures cut to the size that a network takes."""

import numpy as np

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
