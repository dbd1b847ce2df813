"""Complete runs of GaitTR. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from typing import Any

from gaitbridge.data.batches import DataConfig
from gaitbridge.data.skeleton_augmentation import SkeletonAugmentationConfig
from gaitbridge.methods.gaittr.network import NetworkConfig
from gaitbridge.methods.gaittr.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published

SHAKEN = SkeletonAugmentationConfig(sides=0.1, joint_noise=0.3, point_noise=0.3)


def tiny() -> RunConfig:
    """For simulated people whose store has `skeletons`, at a size for two CPU cores."""
    return RunConfig(
        method="gaittr", recipe="gaittr/tiny",
        network=NetworkConfig(channels=(32, 32, 64), heads=4, embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=12, ordered=True, skeleton_augmentation=SHAKEN),
        optimiser=OptimiserConfig(name="adam", learning_rate=2e-3, weight_decay=2e-5),
        steps=1000, validate_every=250, log_every=10,
    )


def _gait3d() -> RunConfig:
    """For Gait3D: 32 x 4 sequences of 60 frames in a row, Adam, 40,000 steps (Zhang et al. 2022)."""
    return RunConfig(
        method="gaittr", recipe="gaittr/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=60, ordered=True, workers=4,
                        skeleton_augmentation=SHAKEN),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-3, weight_decay=2e-5, schedule="three_phases", warm_up=0.475,
                                  first_below=100.0, last_below=1000.0, momenta=(0.85, 0.95)),
        steps=40_000, validate_every=1000, log_every=100,
    )


OPENPOSE: dict[str, Any] = {"network.joints": "openpose", "data.skeleton_augmentation.joints": "openpose"}

LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "7.2", "4 GPUs")),
    Line("sustech1k", "gait3d", Published("SUSTech1K", MODEL_ZOO), {"validate_every": 4000}),
    Line("ccpg", "gait3d", Published("CCPG", MODEL_ZOO), OPENPOSE),
    Line("grew", "gait3d", Published("GREW", MODEL_ZOO, "48.6"),
         {"network.embedding": 256, "data.sequences_per_person": 8, "steps": 150_000, "validate_every": 5000}),
    Line("oumvlp", "grew", Published("OU-MVLP", MODEL_ZOO, "40.3 (18 joints of AlphaPose)"),
         OPENPOSE | {"data.sequences_per_person": 16}),
    Line("oumvlp_coco", "grew", Published("OU-MVLP", MODEL_ZOO, "39.8 (COCO's 17 joints)"), {"data.sequences_per_person": 16}),
)
