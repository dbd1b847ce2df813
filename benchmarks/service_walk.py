"""Silhouettes of a figure that walks, for benchmarks of the service: each number another one, all of them good enough to be judged."""

import base64
import io
import json
from typing import Any

import numpy as np
from video_files import walk

from benchmarks.gallery import WEIGHTS, made
from gaitbridge.geometry.silhouette import align

FRAMES = 30
AGAIN = 10_000_000  # a stream of walks that are not enrolled
_walked: list[np.ndarray] = []


def silhouettes(number: int) -> np.ndarray:
    """uint8 [30, 64, 44]."""
    if not _walked:
        _walked.append(np.stack([align(mask, (64, 44))[0] for mask in walk(FRAMES + 10)]))
    made = _walked[0][number % 10 : number % 10 + FRAMES].copy()
    made[0, 0, :16] = [255 * (number >> bit & 1) for bit in range(16)]  # no two recordings are the same bytes
    return made


def recording(number: int) -> bytes:
    """A .npz of one walk."""
    out = io.BytesIO()
    np.savez(out, silhouettes=silhouettes(number))
    return out.getvalue()


def number_of(walk: np.ndarray) -> int:
    """The number of which `silhouettes` were made, modulo 65,536."""
    return sum(1 << bit for bit, value in enumerate(walk[0, 0, :16]) if value > 127)


def packed(array: np.ndarray) -> dict[str, Any]:
    """An array as a question has it."""
    return {"shape": list(array.shape), "dtype": str(array.dtype), "data": base64.b64encode(array.tobytes()).decode()}


def question(number: int, by: str) -> bytes:
    """A question for the five nearest, by embedding or by sequence."""
    if by == "embedding":
        asked: dict[str, Any] = {"embeddings": {"modality": "silhouettes", "weights_hash": WEIGHTS, "packed": packed(made([number], AGAIN).values)}}
    else:
        asked = {"sequences": [{"silhouettes": packed(silhouettes(number))}], "least_quality": 0}
    return json.dumps({**asked, "top": 5}).encode()
