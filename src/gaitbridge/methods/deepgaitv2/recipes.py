"""Complete runs of DeepGaitV2. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import PUBLISHED
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.deepgaitv2.network import NetworkConfig
from gaitbridge.methods.deepgaitv2.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import CCGR, GREY, MODEL_ZOO, Line, Published


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="deepgaitv2", recipe="deepgaitv2/tiny",
        network=NetworkConfig(channels=(16, 32, 64), blocks=(1, 1, 1), strides=(1, 2, 1), stem_stride=2, embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4, ordered=True),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _gait3d() -> RunConfig:
    """For Gait3D: blocks 1-4-4-1, 32 x 4 sequences of 30 frames in a row, SGD, 60,000 steps (Fan et al. 2023)."""
    return RunConfig(
        method="deepgaitv2", recipe="deepgaitv2/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, ordered=True, workers=4, spare=4,
                        augmentation=PUBLISHED),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )


LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "74.4")),
    Line("grew", "gait3d", Published("GREW", f"{MODEL_ZOO}, which gives 79.4 % with mode=3d"),
         {"steps": 180_000, "optimiser.milestones": [80_000, 120_000, 150_000]}),
    Line("oumvlp", "gait3d", Published("OU-MVLP", f"{MODEL_ZOO}, which gives 92.0 % with mode=3d"),
         {"network.blocks": [1, 1, 1, 1], "data.sequences_per_person": 8, "steps": 120_000, "optimiser.milestones": [60_000, 80_000, 100_000]}),
    Line("casia_b", "gait3d", Published("CASIA-B", MODEL_ZOO),
         {"network.blocks": [1, 1, 1, 1], "data.people_per_batch": 8, "data.sequences_per_person": 16}),
    Line("ccpg", "casia_b", Published("CCPG", MODEL_ZOO)),
    Line("sustech1k", "gait3d", Published("SUSTech1K", MODEL_ZOO, "82.4"),
         {"network.blocks": [1, 1, 1, 1], "data.people_per_batch": 8, "data.sequences_per_person": 8, "data.frames": 10,
          "steps": 50_000, "optimiser.milestones": [20_000, 30_000, 40_000]}),
    Line("ccgr", "gait3d", Published("CCGR", CCGR, "55.2 (easy), 42.5 (hard)", "4 GPUs"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "data.augmentation": None,
          "steps": 240_000, "optimiser.milestones": [100_000, 140_000, 170_000]}),
    Line("ccgr_parsing", "ccgr", Published("CCGR, parsed bodies", CCGR, "71.8 (easy), 58.8 (hard)", "4 GPUs", apart=GREY),
         {"network.modality": "parsing"}),
    Line("ccgr_mini", "gait3d", Published("CCGR-MINI", CCGR, "39.4"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "steps": 80_000, "optimiser.milestones": [30_000, 55_000, 65_000]}),
    Line("ccgr_mini_parsing", "ccgr_mini", Published("CCGR-MINI, parsed bodies", CCGR, "50.4", apart=GREY), {"network.modality": "parsing"}),
)
