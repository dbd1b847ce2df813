"""Complete runs of Mesh-Gait. `gaitbridge train RECIPE --data STORE --out RUN`."""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.meshgait.network import NetworkConfig
from gaitbridge.methods.meshgait.objective import ObjectiveConfig
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig


def tiny() -> RunConfig:
    """All parts of the method at a size for two CPU cores."""
    return RunConfig(
        method="meshgait", recipe="meshgait/tiny",
        network=NetworkConfig(channels=(16, 32, 64), strides=(1, 2, 1), stem_stride=2, parts=16, embedding=64,
                              heatmaps=HeatmapConfig(depth=8)),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4, ordered=True),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250,
    )
