"""Complete runs of GaitGL. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitgl.network import NetworkConfig
from gaitbridge.methods.gaitgl.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import CCGR, COSINE, GAIT3D_BENCHMARK, GREY, MODEL_ZOO, ONE_VECTOR, Line, Published


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="gaitgl", recipe="gaitgl/tiny",
        network=NetworkConfig(channels=(8, 16, 32, 32), embedding=32),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=4, frames=6, ordered=True),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _casia_b() -> RunConfig:
    """For CASIA-B: 8 x 8 sequences of 30 frames in a row, Adam, 80,000 steps (Lin et al. 2021)."""
    return RunConfig(
        method="gaitgl", recipe="gaitgl/casia_b",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=8, frames=30, ordered=True, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-4, weight_decay=5e-4, schedule="multi_step", milestones=(70_000,)),
        steps=80_000, validate_every=2000, log_every=100,
    )


def _oumvlp() -> RunConfig:
    """For OU-MVLP: 32 x 8 sequences of 30 frames in a row, Adam, 210,000 steps, the deeper network."""
    return RunConfig(
        method="gaitgl", recipe="gaitgl/oumvlp",
        network=NetworkConfig(channels=(32, 64, 128, 256), convolutions=2, strips=2, embedding=256),
        objective=ObjectiveConfig(smoothing=0.1),
        data=DataConfig(people_per_batch=32, sequences_per_person=8, frames=30, ordered=True, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-4, weight_decay=0.0, schedule="multi_step", milestones=(150_000, 200_000)),
        steps=210_000, validate_every=5000, log_every=100,
    )


LINES = (
    Line("casia_b", _casia_b, Published("CASIA-B", MODEL_ZOO, "97.4 (NM), 94.5 (BG), 83.8 (CL)", "4 GPUs")),
    Line("oumvlp", _oumvlp, Published("OU-MVLP", MODEL_ZOO, "89.9", "8 GPUs")),
    Line("grew", "oumvlp", Published("GREW", MODEL_ZOO, "41.5"), {"data.sequences_per_person": 4, "steps": 250_000}),
    Line("grew_bnneck", "grew", Published("GREW", MODEL_ZOO, "51.7"), {"network.norm": False}),
    Line("gait3d", "casia_b", Published("Gait3D", f"{GAIT3D_BENCHMARK}; rank-1 of {MODEL_ZOO}", "29.7"),
         {"data.people_per_batch": 32, "data.sequences_per_person": 4, "optimiser.learning_rate": 1e-3,
          "steps": 180_000, "optimiser.milestones": [30_000, 90_000]}),
    Line("gait3d_parsing", "gait3d", Published("Gait3D-Parsing", MODEL_ZOO, "47.7", apart=COSINE), {"network.modality": "parsing"}),
    Line("ccgr", "oumvlp", Published("CCGR", CCGR, "35.2 (easy), 23.1 (hard)", "2 GPUs", apart=ONE_VECTOR),
         {"data.people_per_batch": 8, "data.sequences_per_person": 16, "steps": 320_000, "optimiser.milestones": [200_000]}),
    Line("ccgr_parsing", "ccgr", Published("CCGR, parsed bodies", CCGR, "42.1 (easy), 28.4 (hard)", "2 GPUs", apart=f"{GREY}; {ONE_VECTOR}"),
         {"network.modality": "parsing"}),
    Line("ccgr_mini", "ccgr", Published("CCGR-MINI", CCGR, "17.5"),
         {"optimiser.name": "sgd", "optimiser.learning_rate": 0.1, "optimiser.weight_decay": 5e-4, "steps": 80_000,
          "optimiser.milestones": [30_000, 55_000, 65_000]}),
    Line("ccgr_mini_parsing", "ccgr_mini", Published("CCGR-MINI, parsed bodies", CCGR, "22.5", apart=GREY), {"network.modality": "parsing"}),
)
