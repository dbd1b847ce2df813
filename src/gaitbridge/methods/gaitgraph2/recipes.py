"""Complete runs of GaitGraph2. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from typing import Any

from gaitbridge.data.batches import DataConfig
from gaitbridge.data.skeleton_augmentation import SkeletonAugmentationConfig
from gaitbridge.methods.gaitgraph2.network import NetworkConfig
from gaitbridge.methods.gaitgraph2.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published

APART = "published batches are 768 sequences of anybody, these hold four or more of each person"
SHAKEN = SkeletonAugmentationConfig(backwards=0.5, sides=0.1, joint_noise=0.25, point_noise=0.05, move=(4.0, 1.0))


def tiny() -> RunConfig:
    """For simulated people whose store has `skeletons`, at a size for two CPU cores."""
    return RunConfig(
        method="gaitgraph2", recipe="gaitgraph2/tiny",
        network=NetworkConfig(branch=(16, 8), channels=(32, 64), reduction=4, embedding=32),
        objective=ObjectiveConfig(temperature=0.05),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=12, ordered=True, skeleton_augmentation=SHAKEN),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3, weight_decay=1e-5),
        steps=1000, validate_every=250, log_every=10,
    )


def _gait3d() -> RunConfig:
    """For Gait3D: 768 sequences of 60 frames in a row, AdamW, 2,000 steps (Teepe et al. 2022)."""
    return RunConfig(
        method="gaitgraph2", recipe="gaitgraph2/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=192, sequences_per_person=4, frames=60, ordered=True, workers=4, skeleton_augmentation=SHAKEN),
        optimiser=OptimiserConfig(name="adamw", learning_rate=0.005, weight_decay=1e-5, schedule="one_cycle", warm_up=0.3,
                                  momenta=(0.85, 0.95)),
        steps=2000, validate_every=200, log_every=20,
    )


FILLED: dict[str, Any] = {"network.fill_missing": True, "data.skeleton_augmentation.fill_missing": True}
DEEPER: dict[str, Any] = {"network.branch": [64, 64, 32], "network.channels": [128, 128, 128, 256, 256, 256], "network.reduction": 4,
                          "optimiser.name": "adam", "optimiser.schedule": "three_phases"}
FAR: dict[str, Any] = {"data.frames": 30, "data.skeleton_augmentation.joint_noise": 0.1, "data.skeleton_augmentation.move": [3.0, 1.0]}
OPENPOSE: dict[str, Any] = {"network.joints": "openpose", "data.skeleton_augmentation.joints": "openpose"}

LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "11.0", apart=APART)),
    Line("sustech1k", "gait3d", Published("SUSTech1K", MODEL_ZOO, apart=APART), {"data.people_per_batch": 96, "data.sequences_per_person": 8}),
    Line("casia_b", "gait3d", Published("CASIA-B", MODEL_ZOO, apart=APART),
         FILLED | {"data.people_per_batch": 64, "data.sequences_per_person": 12, "steps": 500, "validate_every": 100}),
    Line("grew", "gait3d", Published("GREW", MODEL_ZOO, "34.6", apart=APART), FILLED | DEEPER | {"steps": 50_000, "validate_every": 2000}),
    Line("oumvlp", "grew", Published("OU-MVLP", MODEL_ZOO, "62.1 (18 joints of AlphaPose)", apart=APART), OPENPOSE | FAR | {"steps": 80_000}),
    Line("oumvlp_coco", "grew", Published("OU-MVLP", MODEL_ZOO, "70.8 (COCO's 17 joints)", apart=APART), FAR | {"steps": 80_000}),
    Line("ccpg", "gait3d", Published("CCPG", MODEL_ZOO, apart=APART),
         FILLED | OPENPOSE | {"network.reduction": 4, "optimiser.name": "adam", "optimiser.schedule": "three_phases",
                              "data.people_per_batch": 96, "data.sequences_per_person": 8,
                              "data.skeleton_augmentation.joint_noise": 0.1, "data.skeleton_augmentation.move": [3.0, 1.0]}),
)
