"""Complete runs of GaitPart. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitpart.network import NetworkConfig
from gaitbridge.methods.gaitpart.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import CCGR, COSINE, GAIT3D_BENCHMARK, GREY, MODEL_ZOO, Line, Published


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="gaitpart", recipe="gaitpart/tiny",
        network=NetworkConfig(channels=(16, 32, 64), embedding=64),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=6, ordered=True),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _casia_b() -> RunConfig:
    """For CASIA-B: 8 x 16 sequences of 30 of 40 frames in a row, Adam, 120,000 steps, triplets alone (Fan et al. 2020)."""
    return RunConfig(
        method="gaitpart", recipe="gaitpart/casia_b",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=16, frames=30, ordered=True, spare=10, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-4, weight_decay=0.0, schedule="multi_step", milestones=(100_000,)),
        steps=120_000, validate_every=2000, log_every=100,
    )


DEEPER = {"network.channels": [32, 64, 128, 256], "network.strips": [1, 1, 8, 8], "network.embedding": 256}

LINES = (
    Line("casia_b", _casia_b, Published("CASIA-B", MODEL_ZOO, "96.1 (NM), 90.7 (BG), 78.7 (CL)", "2 GPUs")),
    Line("oumvlp", "casia_b", Published("OU-MVLP", MODEL_ZOO, "88.6", "8 GPUs"),
         DEEPER | {"data.people_per_batch": 32, "steps": 250_000, "optimiser.milestones": [150_000]}),
    Line("grew", "oumvlp", Published("GREW", MODEL_ZOO, "47.6"), {"data.sequences_per_person": 4}),
    Line("casia_e", "casia_b", Published("CASIA-E", MODEL_ZOO, "82.92 (NM), 74.36 (BG), 60.48 (CL)"), DEEPER | {"data.sequences_per_person": 32}),
    Line("gait3d", "casia_b", Published("Gait3D", f"{GAIT3D_BENCHMARK}; rank-1 of {MODEL_ZOO}", "28.2"),
         {"data.people_per_batch": 32, "data.sequences_per_person": 4, "optimiser.learning_rate": 1e-3, "optimiser.weight_decay": 5e-4,
          "steps": 180_000, "optimiser.milestones": [30_000, 90_000]}),
    Line("gait3d_parsing", "gait3d", Published("Gait3D-Parsing", MODEL_ZOO, "43.0", apart=COSINE), {"network.modality": "parsing"}),
    Line("ccgr", "casia_b", Published("CCGR", CCGR, "32.7 (easy), 22.6 (hard)", "2 GPUs"),
         DEEPER | {"steps": 320_000, "optimiser.milestones": [200_000]}),
    Line("ccgr_parsing", "ccgr", Published("CCGR, parsed bodies", CCGR, "40.9 (easy), 29.0 (hard)", "2 GPUs", apart=GREY),
         {"network.modality": "parsing"}),
    Line("ccgr_mini", "ccgr", Published("CCGR-MINI", CCGR, "8.0"),
         {"optimiser.name": "sgd", "optimiser.learning_rate": 0.1, "optimiser.weight_decay": 5e-4, "steps": 80_000,
          "optimiser.milestones": [30_000, 55_000, 65_000]}),
    Line("ccgr_mini_parsing", "ccgr_mini", Published("CCGR-MINI, parsed bodies", CCGR, "10.6", apart=GREY), {"network.modality": "parsing"}),
)
