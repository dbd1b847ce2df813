"""Training skeletons turned back, their sides exchanged, shaken and moved, in the order and by the figures of the field's toolkit."""

from typing import Annotated

import numpy as np
from pydantic import Field

from gaitbridge.config import Config, Share
from gaitbridge.geometry.skeletons import Order, filled, mirrored

Pixels = Annotated[float, Field(ge=0, le=1000)]


class SkeletonAugmentationConfig(Config):
    """Shares of what is changed, and by how many pixels; all off by default. Published for GaitGraph2 on Gait3D: backwards 0.5, sides 0.1,
    joint noise 0.25, point noise 0.05, move 4 and 1; for GaitTR: sides 0.1, joint noise 0.3, point noise 0.3."""

    joints: Order = "coco"
    """Whose order of joints: as the network's."""
    fill_missing: bool = False
    """Joints that were not found are filled before they are shaken, as a network does that fills them."""
    backwards: Share = 0.0
    """Share of the walks that run from their last frame to their first (FlipSequence where it is published)."""
    sides: Share = 0.0
    """Share of the frames in which left and right joints change places, coordinates as they are (InversePosesPre)."""
    joint_noise: Pixels = 0.0
    """Standard deviation in pixels of what a joint is moved by, the same in all frames (JointNoise)."""
    point_noise: Pixels = 0.0
    """Standard deviation of what is added to each number, the score among them (PointNoise)."""
    move: tuple[Pixels, Pixels] = (0.0, 0.0)
    """Columns and rows by which the whole walk is moved at most (RandomMove)."""


def augmented_skeletons(skeletons: np.ndarray, settings: SkeletonAugmentationConfig, random: np.random.Generator) -> np.ndarray:
    """Skeletons float32 [T, J, 3] of one walk, changed by what is drawn from `random`. What is off draws as much as what is on."""
    import torch

    found = filled(torch.from_numpy(skeletons)).numpy() if settings.fill_missing else skeletons
    frames, joints = found.shape[:2]
    turned = random.random() < settings.backwards
    exchanged = np.asarray(random.random(frames) < settings.sides)[:, None, None]
    by_joint, by_number = random.standard_normal((joints, 2)), random.standard_normal(found.shape)
    moved = random.uniform(-1.0, 1.0, 2) * settings.move
    found = found[::-1] if turned else found
    found = np.where(exchanged, found[:, mirrored(settings.joints)], found) + settings.point_noise * by_number
    found[..., :2] += settings.joint_noise * by_joint + moved
    return found.astype(np.float32)
