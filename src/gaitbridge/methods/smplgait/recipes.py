"""Complete runs of SMPLGait. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.smplgait.network import NetworkConfig
from gaitbridge.methods.smplgait.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import COSINE, MODEL_ZOO, Line, Published


def _gait3d() -> RunConfig:
    """For Gait3D: 32 x 4 sequences of 30 frames in any order, SGD, 60,000 steps (Zheng et al. 2022)."""
    return RunConfig(
        method="smplgait", recipe="smplgait/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, workers=4),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )


LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "48.3 (46.3 in the paper)")),
    Line("gait3d_parsing", "gait3d", Published("Gait3D-Parsing", MODEL_ZOO, "60.6", apart=COSINE),
         {"network.modality": "parsing", "optimiser.name": "adam", "optimiser.learning_rate": 1e-3, "steps": 180_000,
          "optimiser.milestones": [30_000, 90_000]}),
)
