"""Complete runs of ParsingGait. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.parsinggait.network import NetworkConfig
from gaitbridge.methods.parsinggait.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published


def _gait3d_parsing() -> RunConfig:
    """For Gait3D-Parsing: 32 x 2 sequences of 30 frames in any order, SGD, 120,000 steps (Zheng et al. 2023)."""
    return RunConfig(
        method="parsinggait", recipe="parsinggait/gait3d_parsing",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=2, frames=30, workers=4),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(40_000, 80_000, 100_000)),
        steps=120_000, validate_every=2000, log_every=100,
    )


LINES = (Line("gait3d_parsing", _gait3d_parsing, Published("Gait3D-Parsing", MODEL_ZOO, "76.2")),)
