"""Complete runs of LidarGait++. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.data.point_augmentation import PointAugmentationConfig
from gaitbridge.methods.lidargait_pp.network import NetworkConfig
from gaitbridge.methods.lidargait_pp.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import Line, Published

SETTINGS = "OpenGait's configuration files (commit 0efafd4, July 2026); Shen et al. 2025"


def tiny() -> RunConfig:
    """For simulated people whose store has `points`, at a size for two CPU cores."""
    return RunConfig(
        method="lidargait_pp", recipe="lidargait_pp/tiny",
        network=NetworkConfig(points=128, width=8, centres=(64, 32, 16), neighbours=8, features=64, embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=3),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _freegait() -> RunConfig:
    """For FreeGait: 256 points a frame, 32 x 4 sequences of 10 frames in any order, SGD, 80,000 steps (Shen et al. 2025)."""
    return RunConfig(
        method="lidargait_pp", recipe="lidargait_pp/freegait",
        network=NetworkConfig(),
        objective=ObjectiveConfig(cross_entropy=0.1, scale=31.0),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=10, workers=4,
                        point_augmentation=PointAugmentationConfig(scale=0.2, flip=0.1)),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="cosine", warm_up=0.0,
                                  lowest_rate=1e-4),
        steps=80_000, validate_every=5000, log_every=100,
    )


LINES = (
    Line("freegait", _freegait, Published("FreeGait", SETTINGS)),
    Line("sustech1k", "freegait", Published("SUSTech1K", SETTINGS), {
        "network.points": 1024, "network.width": 16, "network.centres": [512, 256, 128], "network.neighbours": 32, "steps": 40_000,
        "data.point_augmentation.scale": 1.0, "data.point_augmentation.flip": 0.15,
    }),
)
