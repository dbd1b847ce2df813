"""Complete runs of GaitBase. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import AugmentationConfig
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitbase.network import NetworkConfig
from gaitbridge.methods.gaitbase.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="gaitbase", recipe="gaitbase/tiny",
        network=NetworkConfig(channels=(16, 32, 64), blocks=(1, 1, 1), strides=(1, 2, 1), stem_stride=2, embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def gait3d() -> RunConfig:
    """For Gait3D: 32 x 4 sequences of 10 to 50 frames in any order, SGD, 60,000 steps (Fan et al. 2023)."""
    return RunConfig(
        method="gaitbase", recipe="gaitbase/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=10, most_frames=50, workers=4,
                        augmentation=AugmentationConfig()),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )
