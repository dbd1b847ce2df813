"""The pinhole camera: x right, y down, z forward; pixel (u, v) = (column, row), (0, 0) the centre of the top-left pixel."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Camera:
    """Intrinsics in pixels, without lens distortion. The picture spans u in [-0.5, width - 0.5] and v in [-0.5, height - 0.5]."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (self.fx > 0 and self.fy > 0 and self.width > 0 and self.height > 0):
            raise ValueError(f"a camera needs positive focal lengths and sizes, not {self}")

    @classmethod
    def from_focal(cls, focal_px: float, width: int, height: int) -> Self:
        """Square pixels, the optical axis in the middle of the picture."""
        return cls(focal_px, focal_px, (width - 1) / 2, (height - 1) / 2, width, height)

    @classmethod
    def from_fov(cls, horizontal_fov_deg: float, width: int, height: int) -> Self:
        """Square pixels, from the angle between the left and the right border of the picture."""
        if not 0 < horizontal_fov_deg < 180:
            raise ValueError(f"a field of view lies between 0 and 180 degrees, not {horizontal_fov_deg}")
        return cls.from_focal(width / 2 / float(np.tan(np.deg2rad(horizontal_fov_deg) / 2)), width, height)

    def project(self, points_camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels [..., 2] and depth [...] (z, metres) of points [..., 3]; pixels mean nothing where the depth is not positive."""
        x, y, depth = points_camera[..., 0], points_camera[..., 1], points_camera[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.stack([x / depth * self.fx + self.cx, y / depth * self.fy + self.cy], axis=-1), depth

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Unit directions [..., 3] in the camera frame through pixels [..., 2]."""
        pixels = np.asarray(pixels)
        directions = np.empty((*pixels.shape[:-1], 3), np.result_type(pixels, np.float32))
        directions[..., 0] = (pixels[..., 0] - self.cx) / self.fx
        directions[..., 1] = (pixels[..., 1] - self.cy) / self.fy
        directions[..., 2] = 1.0
        return directions / np.linalg.norm(directions, axis=-1, keepdims=True)

    def contains(self, pixels: np.ndarray) -> np.ndarray:
        """Whether pixels [..., 2] lie in the picture: bool [...]."""
        u, v = pixels[..., 0], pixels[..., 1]
        inside: np.ndarray = (u >= -0.5) & (u < self.width - 0.5) & (v >= -0.5) & (v < self.height - 0.5)
        return inside
