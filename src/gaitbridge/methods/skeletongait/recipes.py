"""Complete runs of SkeletonGait. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import PUBLISHED
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.skeletongait.network import NetworkConfig
from gaitbridge.methods.skeletongait.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import MODEL_ZOO, Line, Published


def _gait3d() -> RunConfig:
    """For Gait3D: blocks 1-4-4-1, 32 x 4 sequences of 30 frames in a row, SGD, 60,000 steps (Fan et al. 2024)."""
    return RunConfig(
        method="skeletongait", recipe="skeletongait/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, ordered=True, workers=4, spare=4,
                        augmentation=PUBLISHED),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 30_000, 40_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )


SMALL = {"network.blocks": [1, 1, 1, 1]}

LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "38.1", "4 GPUs")),
    Line("grew", "gait3d", Published("GREW", MODEL_ZOO, "77.4"),
         {"steps": 180_000, "optimiser.milestones": [80_000, 120_000, 150_000]}),
    Line("oumvlp", "gait3d", Published("OU-MVLP", MODEL_ZOO, "67.4 (skeletons of AlphaPose in COCO's format)"),
         SMALL | {"data.sequences_per_person": 8,
                  "data.augmentation.flip": 0.5, "data.augmentation.turn": 0.0, "data.augmentation.perspective": 0.0,
                  "steps": 120_000, "optimiser.milestones": [60_000, 80_000, 100_000]}),
    Line("ccpg", "gait3d", Published("CCPG", MODEL_ZOO), SMALL | {"data.people_per_batch": 8, "data.sequences_per_person": 16}),
    Line("sustech1k", "gait3d", Published("SUSTech1K", MODEL_ZOO),
         SMALL | {"data.people_per_batch": 8, "data.sequences_per_person": 8, "data.frames": 10, "data.ordered": False, "data.spare": 0,
                  "steps": 50_000}),
)
