"""Complete runs of MultiGait++. `gaitbridge train RECIPE --data STORE --out RUN`.

Settings named after a dataset are the published ones. The datasets need an agreement with their owners: nothing here has been run on them by us.
"""

from gaitbridge.data.augmentation import PUBLISHED
from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.multigait_pp.network import NetworkConfig
from gaitbridge.methods.multigait_pp.objective import ObjectiveConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import Line, Published

SETTINGS = "OpenGait's configuration files (commit 0efafd4, July 2026); Jin et al. 2025"


def _gait3d() -> RunConfig:
    """For Gait3D with Gait3D-Parsing: blocks 1-2-2-1, 32 x 4 sequences of 30 frames in a row, SGD, 60,000 steps (Jin et al. 2025)."""
    return RunConfig(
        method="multigait_pp", recipe="multigait_pp/gait3d",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, ordered=True, workers=4, spare=4, augmentation=PUBLISHED),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2000, log_every=100,
    )


APART = "warped labels are those of the nearest pixel, and a mirrored left arm is a right one; published: mixed like grey, and left as they are"
LINES = (Line("gait3d", _gait3d, Published("Gait3D and Gait3D-Parsing", SETTINGS, apart=APART)),)
