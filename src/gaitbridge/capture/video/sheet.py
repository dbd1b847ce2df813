"""Silhouettes over time on one picture: a row a sequence, with its name."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from gaitbridge.files import written_whole

ACROSS = 24
EDGE, EMPTY = 90, 60
FONT, SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.4


def contact_sheet(sequences: Sequence[np.ndarray], names: Sequence[str], across: int = ACROSS) -> np.ndarray:
    """uint8 [H, W]: of each sequence [T, h, w] its name and first frames, every second one where there are twice as many as fit, and so on."""
    height, width = sequences[0].shape[1:]
    margin = 12 + max(cv2.getTextSize(name, FONT, SIZE, 1)[0][0] for name in names)
    sheet = np.full((len(sequences) * (height + 2), margin + across * (width + 2)), EMPTY, np.uint8)
    for row, (frames, name) in enumerate(zip(sequences, names, strict=True)):
        cv2.putText(sheet, name, (6, row * (height + 2) + height // 2), FONT, SIZE, 255, 1, cv2.LINE_AA)
        step = max(1, len(frames) // across)
        for column, frame in enumerate(frames[: across * step : step]):
            y, x = row * (height + 2), margin + column * (width + 2)
            sheet[y : y + height + 2, x : x + width + 2] = EDGE
            sheet[y + 1 : y + height + 1, x + 1 : x + width + 1] = frame
    return sheet


def write_sheet(sequences: Sequence[np.ndarray], names: Sequence[str], out: Path) -> None:
    """The contact sheet as a PNG, whole or not at all."""
    from matplotlib import image

    with written_whole(out) as temporary:
        image.imsave(temporary, contact_sheet(sequences, names), format="png", cmap="gray", vmin=0, vmax=255)
