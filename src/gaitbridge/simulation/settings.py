"""Settings of a simulated cohort: all that decides the bytes of its store."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from gaitbridge.config import Config, Hz, Seed, Share, Whole
from gaitbridge.conventions import CONDITIONS, SPLITS
from gaitbridge.errors import UserError, nearest
from gaitbridge.simulation.scene import VIEWS, view_angle_of

VERSION_1: dict[str, Any] = {
    "motion": "parametric", "proportions": "drawn", "clothes": "layer", "silhouettes": "outline", "lidar_returns": "plain",
}  # fmt: skip
"""The people and sensors of the simulator's first version, for stores and benchmarks that were made with it."""
VERSION_2: dict[str, Any] = {
    "motion": "measured", "proportions": "measured", "clothes": "outfits", "silhouettes": "segmenter", "lidar_returns": "beams",
}  # fmt: skip
"""Those of its second version: fitted to how measured people walk, and to what learnt segmenters and LiDARs make of them."""
EXTRAS = ("clean_silhouettes", "body_parts", "points", "skeletons")  # kept on request; fields of the store
Metre = Annotated[float, Field(ge=0, le=100)]
Away = Annotated[float, Field(ge=1, le=130)]  # metres: nearer a person does not fit in the picture, farther the store does not reach
Degrees = Annotated[float, Field(ge=0, le=180)]
Seconds = Annotated[float, Field(ge=0, le=10)]
Limits = tuple[float, float]
Metres = tuple[Metre, Metre]
Apart = tuple[Away, Away]


class CohortConfig(Config):
    """The defaults are the demonstration: 60 + 12 + 50 people, 3 takes each (normal, normal, bag or clothing) before 8 views."""

    seed: Seed = 0
    people: dict[str, Whole] = Field(default={"train": 60, "val": 12, "test": 50})
    """How many people of each split; identities are disjoint."""
    first_person: dict[str, Whole] = Field(default={})
    """The number of a split's first person, else the splits follow each other. With it a smaller cohort is a part of a larger one, split by split."""
    captured_split: Literal["train", "val", "test"] = "test"
    """The split of the people of a captured motion source, who are as many as were captured."""
    takes: tuple[tuple[str, ...], ...] = (("normal",), ("normal",), ("bag", "clothing"))
    """For each take of a person the conditions that it is drawn from."""
    night_people: Share = 0.0
    """Share of each split's people who are met at night: all their takes are `night`, the first is their gallery (protocol `simulated-2`)."""
    views: tuple[str, ...] = VIEWS
    """View angles in degrees, three digits, with -near or -far after them where wanted: 045, 090-far."""
    frames: Annotated[int, Field(ge=1, le=2000)] = 20
    """Frames of a sequence, at the LiDAR's rate."""
    motion: str = "measured"
    """A motion source and its argument, such as bvh:DIR."""
    body: str = "anny"
    body_detail: str = "reduced"
    clothes: Literal["layer", "outfits"] = "outfits"
    """layer: a thin layer drawn for each take; outfits: what a person wears for a session, hair and shoes included."""
    sessions: Annotated[int, Field(ge=1, le=20)] = 1
    """Each session has all takes once, in other clothes."""
    shape: Literal["person", "shared"] = "person"
    """Each person's own body, or one body for all."""
    proportions: Literal["drawn", "measured"] = "measured"
    """drawn: statures of adults, builds of our choice; measured: bone lengths differ, and go together, as those of measured people."""
    lidar: str = "velodyne-vls128"
    camera_hz: Hz = 30.0
    lidar_hz: Hz = 10.0
    distance_m: Apart = (6.0, 14.0)
    """From the middle of the path to the cameras; drawn, like all limits below, for each station and take."""
    near_m: Apart = (5.0, 6.0)
    far_m: Apart = (15.0, 25.0)
    camera_height_m: Metres = (1.5, 3.5)
    lidar_height_m: Metres = (1.5, 3.0)
    sensor_baseline_m: Metres = (0.2, 0.5)
    """From a station's camera to its LiDAR along the ground."""
    lidar_bearing_deg: tuple[Degrees, Degrees] = (0.0, 0.0)
    """By how much a station's LiDAR sees the walker from another angle than its camera, to either side."""
    camera_time_offset_s: tuple[Seconds, Seconds] = (0.0, 0.0)
    """How much later than the LiDAR's sweep the exposure is that is paired with it; one for all frames of a station and take."""
    curved_share: Share = 0.5
    """Share of the takes that are walked on a gentle curve."""
    curve_radius_m: Apart = (8.0, 25.0)
    segmentation_error: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: clean silhouettes, 1: as a real pipeline makes them."""
    silhouettes: Literal["outline", "segmenter", "background_subtraction"] = "segmenter"
    """outline: all that is worn or carried, with errors of the moment; segmenter: the person as a learnt one labels them, with errors that
    follow from person, clothes, view and site besides; background_subtraction: all that moves, with the errors of that."""
    site: Seed = 0
    """Which segmenter before which background: errors that are the same in all takes of one site are others at another."""
    lidar_returns: Literal["plain", "beams"] = "beams"
    """plain: a ray a beam, the same reflectivity everywhere; beams: beams of some width, cloth that reflects more or less, and
    ground removal that errs."""
    lidar_noise: bool = True
    """Range noise, rounding, lost returns."""
    truth: bool = True
    """Keep joints, markers, pose and shape."""
    extras: tuple[str, ...] = ()
    """Keep also any of clean_silhouettes, body_parts, points, skeletons (COCO's 17 joints in the camera's picture, exact)."""

    @field_validator("people", "first_person")
    @classmethod
    def _splits(cls, people: dict[str, int]) -> dict[str, int]:
        for split in people:
            if split not in SPLITS:
                raise ValueError(f"unknown split {split!r}: {nearest(split, SPLITS)}")
        return people

    @model_validator(mode="after")
    def _apart(self) -> "CohortConfig":
        numbers = [number for of_split in self.numbers.values() for number in of_split]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"first_person {self.first_person} with people {self.people} puts somebody into two splits")
        return self

    @property
    def numbers(self) -> dict[str, range]:
        """The numbers of each split's generated people."""
        found, after = {}, 0
        for split in SPLITS:
            begin = self.first_person.get(split, after)
            found[split] = range(begin, begin + self.people.get(split, 0))
            after = found[split].stop
        return found

    @field_validator("takes")
    @classmethod
    def _conditions(cls, takes: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for choice in takes:
            for condition in choice:
                if condition not in CONDITIONS:
                    raise ValueError(f"unknown condition {condition!r}: {nearest(condition, CONDITIONS)}")
        if not takes or not all(takes):
            raise ValueError("give at least one take, and each at least one condition")
        return takes

    @field_validator("views")
    @classmethod
    def _views(cls, views: tuple[str, ...]) -> tuple[str, ...]:
        for view in views:
            try:
                view_angle_of(view)
            except UserError as error:
                raise ValueError(str(error)) from error
        if not views or len(set(views)) != len(views):
            raise ValueError("at least one view, and each once")
        return views

    @field_validator("extras")
    @classmethod
    def _extras(cls, extras: tuple[str, ...]) -> tuple[str, ...]:
        for name in extras:
            if name not in EXTRAS:
                raise ValueError(f"unknown extra {name!r}: {nearest(name, EXTRAS)}")
        return extras

    @field_validator("distance_m", "near_m", "far_m", "camera_height_m", "lidar_height_m", "sensor_baseline_m", "curve_radius_m",
                     "lidar_bearing_deg", "camera_time_offset_s")
    @classmethod
    def _limits(cls, limits: Limits) -> Limits:
        if limits[0] > limits[1]:
            raise ValueError("give the lower limit, then the upper one")
        return limits
