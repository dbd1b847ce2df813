"""Complete runs of GaitBase. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import PUBLISHED
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitbase.network import NetworkConfig
from gaitbridge.methods.gaitbase.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import CCGR, GREY, MODEL_ZOO, Line, Published


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


def _gait3d() -> RunConfig:
    """For Gait3D: 32 x 4 sequences of 10 to 50 frames in any order, SGD, 60,000 steps (Fan et al. 2023)."""
    return RunConfig(
        method="gaitbase", recipe="gaitbase/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=10, most_frames=50, workers=4,
                        augmentation=PUBLISHED),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )


LINES = (
    Line("gait3d", _gait3d, Published("Gait3D", MODEL_ZOO, "64.6")),
    Line("gait3d_parsing", "gait3d", Published("Gait3D-Parsing", MODEL_ZOO, "71.2"),
         {"network.modality": "parsing", "data.sequences_per_person": 2, "data.frames": 30, "data.most_frames": None, "data.augmentation": None,
          "steps": 120_000, "optimiser.milestones": [40_000, 80_000, 100_000]}),
    Line("grew", "gait3d", Published("GREW", MODEL_ZOO, "60.1"),
         {"data.frames": 20, "data.most_frames": 40, "steps": 180_000, "optimiser.milestones": [80_000, 120_000, 150_000]}),
    Line("oumvlp", "gait3d", Published("OU-MVLP", MODEL_ZOO, "90.8"),
         {"data.sequences_per_person": 8, "data.frames": 30, "data.most_frames": None, "data.augmentation": None,
          "steps": 120_000, "optimiser.milestones": [60_000, 80_000, 100_000]}),
    Line("casia_b", "gait3d", Published("CASIA-B", MODEL_ZOO, "97.6 (NM), 94.0 (BG), 77.4 (CL)"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "data.frames": 30, "data.most_frames": None,
          "data.augmentation.flip": 0.0, "data.augmentation.turn": 0.3, "data.augmentation.perspective": 0.0,
          "data.augmentation.erasing": 0.3}),
    Line("casia_e", "gait3d", Published("CASIA-E", MODEL_ZOO, "91.59 (NM), 86.65 (BG), 74.73 (CL)"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 32, "data.frames": 30, "data.most_frames": None, "data.augmentation": None}),
    Line("ccpg", "gait3d", Published("CCPG", MODEL_ZOO),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "data.frames": 30, "data.most_frames": None, "data.augmentation": None}),
    Line("ccgr", "gait3d", Published("CCGR", CCGR, "43.8 (easy), 31.3 (hard)", "4 GPUs"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "data.frames": 20, "data.most_frames": 40, "data.augmentation": None,
          "steps": 240_000, "optimiser.milestones": [100_000, 140_000, 170_000]}),
    Line("ccgr_parsing", "ccgr", Published("CCGR, parsed bodies", CCGR, "62.0 (easy), 48.1 (hard)", "4 GPUs", apart=GREY),
         {"network.modality": "parsing"}),
    Line("ccgr_mini", "gait3d", Published("CCGR-MINI", CCGR, "27.0"),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "data.frames": 20, "data.most_frames": 40,
          "steps": 80_000, "optimiser.milestones": [30_000, 55_000, 65_000]}),
    Line("ccgr_mini_parsing", "ccgr_mini", Published("CCGR-MINI, parsed bodies", CCGR, "39.0", apart=GREY), {"network.modality": "parsing"}),
)
