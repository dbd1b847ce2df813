"""Complete runs of LidarGait. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.lidargait.network import NetworkConfig
from gaitbridge.methods.lidargait.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published


def tiny() -> RunConfig:
    """For simulated people, on true ranges, at a size for two CPU cores."""
    return RunConfig(
        method="lidargait", recipe="lidargait/tiny",
        network=NetworkConfig(modality="range_views", picture="metres", channels=(16, 32, 64), blocks=(1, 1, 1), strides=(1, 2, 1), stem_stride=2,
                              embedding=64, size=(64, 44)),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _sustech1k() -> RunConfig:
    """For SUSTech1K: 8 x 8 sequences of 10 depth pictures in any order, SGD, 40,000 steps (Shen et al. 2023)."""
    return RunConfig(
        method="lidargait", recipe="lidargait/sustech1k",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=8, frames=10, workers=4),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 30_000)),
        steps=40_000, validate_every=2000, log_every=100,
    )


LINES = (Line("sustech1k", _sustech1k, Published("SUSTech1K", MODEL_ZOO, "86.8")),)
