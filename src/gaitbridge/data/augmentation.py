"""Training pictures flipped, turned, tilted, stretched and erased: one change a sequence, the same for all of its frames."""

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from gaitbridge import plugins
from gaitbridge.config import Config, Share
from gaitbridge.conventions import PARSING, stream
from gaitbridge.data.augmentations import affine, erasing, perspective
from gaitbridge.data.augmentations._warping import size_of, warped
from gaitbridge.errors import UserError

AUGMENTATIONS = "gaitbridge.data.augmentations"
TILT = 10.0  # columns or rows by which a corner moves at most, of pictures 64 high


class AugmentationConfig(Config):
    """Shares of the sequences that are changed, each change drawn for itself. Published of GaitBase and DeepGaitV2 are flip, turn and perspective, a
    fifth each, and no tilt."""

    flip: float = Field(default=0.2, ge=0, le=1)
    """Left for right (RandomHorizontalFlip where it is published)."""
    turn: float = Field(default=0.2, ge=0, le=1)
    """About the middle, by up to `degrees` either way (RandomRotate, which turns about a point ten rows above the middle and as many columns beside
    it, in pictures of 64 x 44)."""
    tilt: float = Field(default=0.2, ge=0, le=1)
    """In perspective: each corner moves by up to ten pixels, seen in pictures 64 high. Not published: ours."""
    degrees: float = Field(default=10.0, ge=0, le=90)
    """How far `turn` turns at most."""
    perspective: Share = 0.0
    """Stretched sideways, the top by another measure than the bottom (RandomPerspective where it is published)."""
    affine: Share = 0.0
    """Moved, sheared and scaled at once (RandomAffine)."""
    erasing: Share = 0.0
    """A rectangle of 5 to 20 % of the picture becomes background, the same in all frames (RandomErasing)."""
    further: dict[str, Share] = Field(default_factory=dict)
    """Shares of the sequences that plug-ins of yours change after all of these, by name, such as further.dropped_rows=0.2."""

    def moves(self) -> bool:
        """Whether a body may end up elsewhere in a picture: all but erasing move it, a plug-in for all that is known."""
        return any((self.flip, self.turn, self.tilt, self.perspective, self.affine, *self.further.values()))


PUBLISHED = AugmentationConfig(tilt=0.0, perspective=0.2)  # of GaitBase, DeepGaitV2, SwinGait and SkeletonGait on most datasets


def check_names(names: tuple[str, ...]) -> None:
    """UserError where an array is no picture of a camera: metres and body parameters do not turn with their pictures."""
    for name in names:
        if name not in ("silhouettes", "pose_heatmaps", PARSING):
            raise UserError(f"data.augmentation changes pictures of a camera, not {name}: set data.augmentation=null for this network")


def check_further(settings: AugmentationConfig) -> None:
    """UserError where one of the further augmentations is none."""
    for name in settings.further:
        if not hasattr(plugins.load(AUGMENTATIONS, name), "augment"):
            raise UserError(f"augmentations/{name} has no function augment(pictures, random): give it one")


def augmented(pictures: Mapping[str, np.ndarray], settings: AugmentationConfig, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Pictures uint8 [T, ..., H, W] of one sequence, by name, all changed alike by what is drawn from `random`; untouched where nothing is drawn."""
    change = change_of(settings, random, *size_of(pictures))
    wanted = random.random(3) < (settings.perspective, settings.affine, settings.erasing)
    streams = [stream(int(seed), "augmentation") for seed in random.integers(2**62, size=3)]  # one share more leaves the others' draws as they are
    made = dict(pictures)
    for asked, augmentation, own in zip(wanted[:2], (perspective, affine), streams, strict=False):
        if asked:
            made = augmentation.augment(made, own)
    if change is not None:
        made = warped(made, change)
    if wanted[2]:
        made = erasing.augment(made, streams[2])
    for name, share in settings.further.items():
        asked, own = random.random() < share, stream(int(random.integers(2**62)), "augmentation")
        if asked:
            made = plugins.load(AUGMENTATIONS, name).augment(made, own)
    return made


def change_of(settings: AugmentationConfig, random: np.random.Generator, height: int, width: int) -> np.ndarray | None:
    """The homography float64 [3, 3] (from columns and rows to columns and rows), or None. As many numbers are drawn whatever comes out."""
    import cv2

    drawn = random.random(3)
    degrees, corners = random.uniform(-settings.degrees, settings.degrees), random.uniform(-1.0, 1.0, (4, 2)) * TILT * height / 64.0
    if not (drawn < (settings.flip, settings.turn, settings.tilt)).any():
        return None
    change = np.eye(3)
    if drawn[2] < settings.tilt:
        square = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
        change = cv2.getPerspectiveTransform(square, (square + corners).astype(np.float32)) @ change
    if drawn[0] < settings.flip:
        change = np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) @ change
    if drawn[1] < settings.turn:
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        change = np.vstack([turn, [0.0, 0.0, 1.0]]) @ change
    return change
