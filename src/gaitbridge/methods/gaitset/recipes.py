"""Complete runs of GaitSet. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gaitset.network import NetworkConfig
from gaitbridge.methods.gaitset.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import CCGR, COSINE, GAIT3D_BENCHMARK, GREY, MODEL_ZOO, ONE_VECTOR, Line, Published


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


def _casia_b() -> RunConfig:
    """For CASIA-B: 8 x 16 sequences of 30 frames in any order, Adam, 80,000 steps, triplets alone (Chao et al. 2019)."""
    return RunConfig(
        method="gaitset", recipe="gaitset/casia_b",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=16, frames=30, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-4, weight_decay=0.0, schedule="multi_step"),
        steps=80_000, validate_every=2000, log_every=100,
    )


SGD = {"optimiser.name": "sgd", "optimiser.learning_rate": 0.1, "optimiser.weight_decay": 5e-4}

LINES = (
    Line("casia_b", _casia_b, Published("CASIA-B", "Chao et al. 2019", "95.0 (NM), 87.2 (BG), 70.4 (CL)")),
    Line("casia_b_sgd", "casia_b", Published("CASIA-B", MODEL_ZOO, "95.8 (NM), 90.0 (BG), 75.4 (CL)", "2 GPUs"),
         SGD | {"steps": 40_000, "optimiser.milestones": [10_000, 20_000, 30_000]}),
    Line("oumvlp", "casia_b", Published("OU-MVLP", MODEL_ZOO, "87.2", "8 GPUs"),
         {"network.channels": [64, 128, 256], "data.people_per_batch": 32, "steps": 250_000, "optimiser.milestones": [150_000]}),
    Line("grew", "oumvlp", Published("GREW", MODEL_ZOO, "48.4"), {"data.sequences_per_person": 4}),
    Line("casia_e", "casia_b", Published("CASIA-E", MODEL_ZOO, "82.54 (NM), 75.26 (BG), 62.53 (CL)"),
         SGD | {"network.channels": [64, 128, 256], "data.sequences_per_person": 32,
                "steps": 60_000, "optimiser.milestones": [20_000, 40_000, 50_000]}),
    Line("gait3d", "casia_b", Published("Gait3D", f"{GAIT3D_BENCHMARK}; rank-1 of {MODEL_ZOO}", "36.7"),
         {"data.people_per_batch": 32, "data.sequences_per_person": 4, "optimiser.learning_rate": 1e-3, "optimiser.weight_decay": 5e-4,
          "steps": 180_000, "optimiser.milestones": [30_000, 90_000]}),
    Line("gait3d_parsing", "gait3d", Published("Gait3D-Parsing", MODEL_ZOO, "55.9", apart=COSINE), {"network.modality": "parsing"}),
    Line("ccgr", "casia_b", Published("CCGR", CCGR, "35.3 (easy), 25.3 (hard)", "4 GPUs", apart=ONE_VECTOR),
         {"network.channels": [64, 128, 256], "steps": 320_000, "optimiser.milestones": [200_000]}),
    Line("ccgr_parsing", "ccgr", Published("CCGR, parsed bodies", CCGR, "42.8 (easy), 31.6 (hard)", "4 GPUs", apart=f"{GREY}; {ONE_VECTOR}"),
         {"network.modality": "parsing"}),
    Line("ccgr_mini", "ccgr", Published("CCGR-MINI", CCGR, "13.8"),
         {"optimiser.name": "sgd", "optimiser.learning_rate": 0.1, "optimiser.weight_decay": 5e-4, "steps": 80_000,
          "optimiser.milestones": [30_000, 55_000, 65_000]}),
    Line("ccgr_mini_parsing", "ccgr_mini", Published("CCGR-MINI, parsed bodies", CCGR, "18.1", apart=GREY), {"network.modality": "parsing"}),
)
