"""Complete runs of GLN. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones, in two phases: the second takes the first's run with `--set start_from=RUN`. The datasets need
an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.gln.network import NetworkConfig
from gaitbridge.methods.gln.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import COSINE, GAIT3D_BENCHMARK, MODEL_ZOO, Line, Published


def tiny() -> RunConfig:
    """For simulated people, at a size for two CPU cores."""
    return RunConfig(
        method="gln", recipe="gln/tiny",
        network=NetworkConfig(channels=(8, 16, 32), lateral=32, embedding=32, size=(64, 44)),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250, log_every=10,
    )


def _casia_b_first() -> RunConfig:
    """For CASIA-B, first phase: 8 x 16 sequences of 30 frames in a row, 128 x 88 pixels, SGD, 40,000 steps, triplets alone (Hou et al. 2020)."""
    return RunConfig(
        method="gln", recipe="gln/casia_b_first",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=8, sequences_per_person=16, frames=30, ordered=True, workers=4),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(10_000, 20_000, 30_000)),
        steps=40_000, validate_every=2000, log_every=100,
    )


SECOND = "begins with the first phase's weights (--set start_from=RUN)"
BENCHMARK = {"data.people_per_batch": 32, "data.sequences_per_person": 4, "optimiser.name": "adam", "optimiser.learning_rate": 1e-3,
             "steps": 180_000, "optimiser.milestones": [30_000, 90_000]}

LINES = (
    Line("casia_b_first", _casia_b_first, Published("CASIA-B", MODEL_ZOO, hardware="4 GPUs")),
    Line("casia_b", "casia_b_first", Published("CASIA-B", MODEL_ZOO, "96.4 (NM), 93.1 (BG), 81.0 (CL)", "4 GPUs", apart=SECOND),
         {"objective.cross_entropy": 0.1, "optimiser.learning_rate": 0.01}),
    Line("gait3d_first", "casia_b_first", Published("Gait3D", GAIT3D_BENCHMARK), BENCHMARK),
    Line("gait3d", "gait3d_first", Published("Gait3D", GAIT3D_BENCHMARK, apart=SECOND), {"objective.cross_entropy": 0.1}),
    Line("gait3d_parsing_first", "gait3d_first", Published("Gait3D-Parsing", MODEL_ZOO, apart=COSINE),
         {"network.modality": "parsing", "network.size": [64, 44]}),
    Line("gait3d_parsing", "gait3d_parsing_first", Published("Gait3D-Parsing", MODEL_ZOO, "45.7", apart=f"{SECOND}; {COSINE}"),
         {"objective.cross_entropy": 0.1}),
)
