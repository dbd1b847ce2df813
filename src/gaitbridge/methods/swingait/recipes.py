"""Complete runs of SwinGait. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import PUBLISHED
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.swingait.network import NetworkConfig
from gaitbridge.methods.swingait.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="swingait", recipe="swingait/tiny",
        network=NetworkConfig(channels=(16, 32), blocks=(1, 1), tokens=32, heads=4, layers=(2, 1), embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=4, frames=6, ordered=True),
        optimiser=OptimiserConfig(name="adamw", learning_rate=2e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _gait3d() -> RunConfig:
    """For Gait3D: 32 x 4 sequences of 30 frames in a row, AdamW, 80,000 steps, the rate falls to nothing in 60,000 (Fan et al. 2023)."""
    return RunConfig(
        method="swingait", recipe="swingait/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, ordered=True, workers=4, spare=4,
                        augmentation=PUBLISHED),
        optimiser=OptimiserConfig(name="adamw", learning_rate=3e-4, weight_decay=0.02, schedule="cosine", warm_up=0.0, period=60_000,
                                  lowest_rate=1e-6),
        steps=80_000, validate_every=2000, log_every=100,
    )


APART = ("published: begun with DeepGaitV2's weights of the same blocks (--set start_from=RUN --set start_partly=true), a tenth of the rate for what "
         "was begun with and the head, no weight decay of norms")
LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "75.0", apart=APART)),
    Line("grew", "gait3d", Published("GREW", MODEL_ZOO, "79.3", apart=APART), {"steps": 200_000, "optimiser.period": 150_000}),
    Line("ccpg", "gait3d", Published("CCPG", MODEL_ZOO, apart=APART),
         {"network.blocks": [1, 1], "network.layers": [2, 2], "data.people_per_batch": 8, "data.sequences_per_person": 16}),
    Line("sustech1k", "ccpg", Published("SUSTech1K", MODEL_ZOO, "79.7", apart=APART),
         {"data.sequences_per_person": 8, "steps": 60_000, "optimiser.period": 50_000}),
)
