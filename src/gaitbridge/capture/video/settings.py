"""What capture from video can be told, as plain numbers that pass to the reading process and into store.json."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gaitbridge.capture.fetched import is_fetched
from gaitbridge.config import Count, Hz, Size, judged
from gaitbridge.errors import UserError

Seconds = Annotated[float, Field(ge=0, le=1e6)]
Ratio = Annotated[float, Field(ge=0, le=1000)]


@dataclass(frozen=True)
class Settings:
    """How people are found, followed and judged. Lengths in body heights where no unit is named: a camera without calibration has no metres."""

    size: Size = (64, 44)  # of the silhouettes
    hz: Hz | None = None  # pictures a second, where the user says it
    people: Literal["auto", "movement", "learnt", "model"] = "auto"  # how they are found; auto: learnt where its model was fetched
    background: str = "mog2"  # or knn: opencv's model of an empty scene
    model: str = ""  # file of an ONNX model instead
    model_class: Annotated[int, Field(ge=-1, le=100_000)] = -1  # the model's number of the class person; -1: the model knows people only
    min_height_px: Annotated[float, Field(ge=8, le=10_000)] = 48.0  # below, legs are a few pixels thin
    min_s: Seconds = 1.0  # about a gait cycle
    min_frames: Count = 8
    gap_s: Seconds = 1.5  # a track lives on unseen for so long; its sequences are split there
    hole_s: Seconds = 0.25  # within a sequence, frames may lack for so long
    still_per_s: Ratio = 0.12  # body heights; a slow walk does 0.4
    jump: Ratio = 0.18  # of the height, against the frames around
    wide: Ratio = 1.45  # times the width of the frames around, beyond what a stride does
    aspect: tuple[Ratio, Ratio] = (1.6, 6.0)  # height over width of a walker, in the middle of a second or two
    stout: Ratio = 0.3  # area over height squared, likewise: walkers have 0.12 to 0.25
    fov_deg: Annotated[float, Field(ge=1, le=179)] = 60.0  # of the lens across the picture, where the view is estimated
    memory_s: Annotated[float, Field(ge=1, le=1e6)] = 120.0  # in which the background follows the light

    def __post_init__(self) -> None:
        judged(self)

    @property
    def found_by(self) -> Literal["movement", "learnt", "model"]:
        """What `people` comes to: movement, learnt or model. UserError where the settings contradict one another."""
        if self.people == "model" and not self.model:
            raise UserError("--people model needs the model: give --model people.onnx")
        if self.model and self.people not in ("auto", "model"):
            raise UserError(f"--people {self.people} and --model contradict one another: leave one of them out")
        if self.people != "auto":
            return self.people
        return "model" if self.model else "learnt" if is_fetched("people") else "movement"

    @property
    def model_path(self) -> Path | None:
        """The ONNX file, if one is used."""
        return Path(self.model) if self.model else None
