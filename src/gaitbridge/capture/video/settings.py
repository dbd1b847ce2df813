"""What capture from video can be told, as plain numbers that pass to the reading process and into store.json."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """How people are found, followed and judged. Lengths in body heights where no unit is named: a camera without calibration has no metres."""

    size: tuple[int, int] = (64, 44)  # of the silhouettes
    hz: float | None = None  # pictures a second, where the user says it
    background: str = "mog2"  # or knn: opencv's model of an empty scene
    model: str = ""  # file of an ONNX model instead
    model_class: int = -1  # the model's number of the class person; -1: the model knows people only
    min_height_px: float = 48.0  # below, legs are a few pixels thin
    min_s: float = 1.0  # about a gait cycle
    min_frames: int = 8
    gap_s: float = 1.5  # a track lives on unseen for so long; its sequences are split there
    hole_s: float = 0.25  # within a sequence, frames may lack for so long
    still_per_s: float = 0.12  # body heights; a slow walk does 0.4
    jump: float = 0.18  # of the height, against the frames around
    wide: float = 1.45  # times the width of the frames around, beyond what a stride does
    aspect: tuple[float, float] = (1.6, 6.0)  # height over width of a walker, in the middle of a second or two
    stout: float = 0.3  # area over height squared, likewise: walkers have 0.12 to 0.25
    fov_deg: float = 60.0  # of the lens across the picture, where the view is estimated
    memory_s: float = 120.0  # in which the background follows the light

    @property
    def model_path(self) -> Path | None:
        """The ONNX file, if one is used."""
        return Path(self.model) if self.model else None
