"""Complete runs of GaitSet. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitset.network import NetworkConfig
from gaitbridge.methods.gaitset.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="gaitset", recipe="gaitset/tiny",
        network=NetworkConfig(channels=(16, 32, 64), embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def casia_b() -> RunConfig:
    """For CASIA-B: 8 x 16 sequences of 30 frames in any order, Adam, 80,000 steps, triplets alone (Chao et al. 2019)."""
    return RunConfig(
        method="gaitset", recipe="gaitset/casia_b",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=16, frames=30, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-4, weight_decay=0.0, schedule="multi_step"),
        steps=80_000, validate_every=2000, log_every=100,
    )
