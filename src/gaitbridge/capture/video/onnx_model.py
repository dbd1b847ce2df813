"""People by a user's own ONNX model, for moving cameras and crowds. Needs the extra `onnx`.

Input: one picture, float32 [1, 3, H, W] (or [1, H, W, 3]), red green blue from 0 to 1, or uint8 of 0 to 255; free H and W take the
picture's own. What else the model wants (mean, deviation) belongs into it. Output, told apart by shape:

    segmentation   [1, 1, H, W] or [1, H, W]   person (above 0.5; above 0 where values lie outside 0 to 1)
                   [1, C, H, W]                scores of C classes: where `--model-class` is the highest
    instances      boxes [N, 4] (left, top, right, bottom in input pixels), scores [N], masks [N, H, W] or [N, 1, H, W] from 0 to 1 over the
                   whole input; with labels [N] (whole numbers) those of `--model-class`
    detection      the same without masks: what differs from the background model within the boxes
"""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gaitbridge.capture.video.background import Background
from gaitbridge.capture.video.decode import Picture
from gaitbridge.errors import UserError

WANTED = ("one picture as float32 or uint8 [1, 3, H, W] or [1, H, W, 3], and as output person [1, 1, H, W], classes [1, C, H, W], "
          "or boxes [N, 4] with scores [N], and masks [N, H, W] if it has them")
SURE = 0.5


class PeopleModel:
    """The model, checked when opened. UserError where it is missing, damaged or has another signature."""

    def __init__(self, path: Path, person: int) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError("--model needs ONNX Runtime: pip install 'gaitbridge[onnx]'") from error
        if not path.is_file():
            raise UserError(f"{path} is missing: check --model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or 0)
        options.log_severity_level = 4
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no common base
            raise UserError(f"{path} cannot be loaded as an ONNX model ({str(error).splitlines()[0][:120]}): export it again") from error
        self.path, self.person = path, person
        self.input = self._checked_input()

    def _checked_input(self) -> Any:
        inputs = self.session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        fits = len(shape) == 4 and inputs[0].type in ("tensor(float)", "tensor(uint8)") and (shape[1] == 3 or shape[3] == 3)
        if not fits or (isinstance(shape[0], int) and shape[0] != 1):
            raise UserError(f"{self.path} has the wrong signature: wanted {WANTED}; found {_words(inputs)} -> {_words(self.session.get_outputs())}")
        return inputs[0]

    @property
    def detects_only(self) -> bool:
        """Whether it gives boxes and no masks, by what it says of its outputs."""
        shapes = [output.shape or [] for output in self.session.get_outputs()]
        return any(len(shape) == 2 and shape[1] == 4 for shape in shapes) and all(len(shape) < 3 for shape in shapes)

    def masks(self, picture: Picture, background: Background | None = None) -> list[np.ndarray] | None:
        """People in a picture: masks uint8 [H, W] of 0 and 255, one of all or one each. A model that `detects_only` needs the background.

        None where the background's picture has changed as a whole.
        """
        height, width = picture.pixels.shape[:2]
        first = self.input.shape[1] == 3
        sides = self.input.shape[2:] if first else self.input.shape[1:3]
        wanted = [side if isinstance(side, int) else own for side, own in zip(sides, (height, width), strict=True)]
        given = cv2.resize(cv2.cvtColor(picture.pixels, cv2.COLOR_BGR2RGB), (wanted[1], wanted[0]), interpolation=cv2.INTER_AREA)
        array = given if self.input.type == "tensor(uint8)" else given.astype(np.float32) / np.float32(255)
        array = (array.transpose(2, 0, 1) if first else array)[None]
        try:
            outputs = [np.asarray(value) for value in self.session.run(None, {self.input.name: np.ascontiguousarray(array)})]
        except Exception as error:
            words = str(error).splitlines()[0][:120]
            raise UserError(f"{self.path} fails on a picture of {wanted[0]} x {wanted[1]} ({words}): export it again") from error
        boxes = next((value for value in outputs if value.ndim == 2 and value.shape[1] == 4), None)
        if boxes is None:
            found = [self._segmented(outputs)]
        else:
            keep = self._sure(outputs, len(boxes))
            if background is None:
                found = self._instances(outputs, keep, (wanted[0], wanted[1]))
            else:
                moving = background.mask(picture)
                return None if moving is None else _within(moving, boxes[keep] * np.tile([width / wanted[1], height / wanted[0]], 2))
        return [np.asarray(cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_NEAREST)) for mask in found]

    def _segmented(self, outputs: list[np.ndarray]) -> np.ndarray:
        """bool [H, W] of all people."""
        value = outputs[0][:, None] if outputs[0].ndim == 3 else outputs[0]
        if value.ndim != 4 or value.shape[0] != 1 or value.dtype.kind not in "fiub" or not value.size:
            raise self._wrong(outputs)
        if value.shape[1] == 1:
            inside = value.min() >= 0 and value.max() <= 1
            return np.asarray(value[0, 0] > (SURE if inside else 0))
        if not 0 <= self.person < value.shape[1]:
            raise UserError(f"{self.path} scores {value.shape[1]} classes: say which is a person with --model-class, from 0 to {value.shape[1] - 1}")
        return np.asarray(value[0].argmax(0) == self.person)

    def _sure(self, outputs: list[np.ndarray], count: int) -> np.ndarray:
        """Which boxes [N] hold a person: bool."""
        flat = [value for value in outputs if value.shape == (count,)]
        scores = next((value for value in flat if value.dtype.kind == "f"), None)
        labels = next((value for value in flat if value.dtype.kind in "iu"), None)
        if scores is None:
            raise self._wrong(outputs)
        if labels is not None and self.person < 0:
            raise UserError(f"{self.path} labels what it finds: say which label is a person with --model-class")
        return np.asarray((scores > SURE) & (True if labels is None else labels == self.person))

    def _instances(self, outputs: list[np.ndarray], keep: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
        masks = next((value for value in outputs if value.ndim in (3, 4) and len(value) == len(keep) and value.shape[-2:] == size), None)
        if masks is None:
            raise self._wrong(outputs)
        return list(masks.reshape(len(keep), *size)[keep] > SURE)

    def _wrong(self, outputs: list[np.ndarray]) -> UserError:
        found = ", ".join(f"{value.dtype} {list(value.shape)}" for value in outputs)
        return UserError(f"{self.path} has the wrong signature: wanted {WANTED}; its output was {found}")


def _words(sides: Any) -> str:
    return ", ".join(f"{side.name} {side.type.removeprefix('tensor(').rstrip(')')} {side.shape}" for side in sides) or "nothing"


def _within(moving: np.ndarray, boxes: np.ndarray) -> list[np.ndarray]:
    """What moves within each box [N, 4] (left, top, right, bottom), a mask each."""
    found = []
    for left, top, right, bottom in np.clip(np.nan_to_num(boxes), 0, max(moving.shape)).round().astype(int):
        mask = np.zeros_like(moving)
        mask[top:bottom, left:right] = moving[top:bottom, left:right]
        found.append(mask)
    return found
