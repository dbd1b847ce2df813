"""A rectangle that becomes background (Zhong et al. 2020), by the figures of the field's toolkit (RandomErasing): the same in all frames."""

from collections.abc import Mapping

import numpy as np

from gaitbridge.conventions import BACKGROUND
from gaitbridge.data.augmentations._warping import size_of

LEAST, MOST, FLATTEST = 0.05, 0.2, 0.3  # shares of the picture; height by width, whose highest is one over the flattest
TRIES = 100


def augment(pictures: Mapping[str, np.ndarray], random: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] of one sequence by name; as they are where no rectangle fits in."""
    place = rectangle(random, *size_of(pictures))
    if place is None:
        return dict(pictures)
    rows, columns = place
    made = {name: group.copy() for name, group in pictures.items()}
    for group in made.values():
        group[..., rows, columns] = BACKGROUND
    return made


def rectangle(random: np.random.Generator, height: int, width: int) -> tuple[slice, slice] | None:
    """Its rows and columns, smaller than the picture both ways; None where a hundred drawn ones were not."""
    for _ in range(TRIES):
        area, ratio = random.uniform(LEAST, MOST) * height * width, random.uniform(FLATTEST, 1 / FLATTEST)
        rows, columns = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if 0 < rows < height and 0 < columns < width:
            first, left = int(random.integers(height - rows + 1)), int(random.integers(width - columns + 1))
            return slice(first, first + rows), slice(left, left + columns)
    return None
