"""Complete runs of Mesh-Gait. `gaitbridge train RECIPE --data STORE --out RUN`."""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.meshgait.network import NetworkConfig
from gaitbridge.methods.meshgait.objective import ObjectiveConfig
from gaitbridge.models.heatmaps import HeatmapConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import Line, Published

JOINTS = (0, 3, 4, 5, 8, 10, 11, 12, 16, 18, 20, 21, 22, 28, 29, 30)  # not the fingers, nor what hardly moves against its neighbours
TINY_HEATMAPS = HeatmapConfig(shared=2, own_grid=False, channels=(48, 64), context=False, whole_walk=True, fused_joints=JOINTS, fused_channels=16,
                              detach=True, every=3)


def tiny() -> RunConfig:
    """All parts of the method at a size for two CPU cores.

    `gaitbridge train meshgait/tiny --data people --out mesh`: within ten minutes on two cores. On the demo's cohort it takes `--set steps=3000` to
    pay: camera against camera 57.2 % rank-1 at other views and 65.4 % at the same view (silhouettes alone: 54.9 and 64.0), bodies to 52 mm (one seed,
    synthetic; chance 2.0 %). On the benchmark `small` 32.7 % after 1,000 steps (silhouettes alone: 29.7; taught joints alone: 33.9; three seeds).
    All of these with the heatmaps of every frame; `every=3` has come since, which is faster (one short run embedded both ways: 40.0 and 39.4 %).
    """
    return RunConfig(
        method="meshgait", recipe="meshgait/tiny",
        network=NetworkConfig(channels=(16, 32, 64), strides=(1, 2, 1), stem_stride=2, parts=16, embedding=64,
                              heatmaps=TINY_HEATMAPS),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=4),  # over the whole walk: neighbours tell too little of it
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250,
    )


def tiny_silhouettes() -> RunConfig:
    """The same backbone on silhouettes alone, the baseline: no 3D branch, no 3D truth."""
    return _changed(tiny(), "meshgait/tiny_silhouettes", None, supervised=False)


def tiny_unsupervised() -> RunConfig:
    """A control: the network of `tiny` without 3D truth, its volumes shaped by the identity losses alone."""
    return _changed(tiny(), "meshgait/tiny_unsupervised", _heatmaps(tiny()).model_copy(update={"detach": False}), supervised=False)


def _paper() -> RunConfig:
    """For Gait3D: GaitBase's ResNet-9 and schedule, 32 x 4 sequences of 30 frames, SGD, 60,000 steps; for GPUs. Not run by us: no numbers yet.

    As it stands it learns from simulated bodies; Gait3D's SMPL bodies need the markers of your own SMPL file (`gaitbridge learn-markers
    MARKERS.npz --body smpl --smpl FILE`): --set network.heatmaps.joints=24 --set objective.reconstruction.body=MARKERS.npz.
    """
    return RunConfig(
        method="meshgait", recipe="meshgait/paper",
        network=NetworkConfig(),
        objective=ObjectiveConfig(),
        data=DataConfig(people_per_batch=32, sequences_per_person=4, frames=30, ordered=True, workers=4),
        optimiser=OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 40_000, 50_000)),
        steps=60_000, validate_every=2_000, log_every=100,
    )


def _heatmaps(run: RunConfig) -> HeatmapConfig:
    assert isinstance(run.network, NetworkConfig)
    assert run.network.heatmaps is not None
    return run.network.heatmaps


def _changed(run: RunConfig, name: str, heatmaps: HeatmapConfig | None, supervised: bool) -> RunConfig:
    """A run with another 3D branch, with or without 3D supervision."""
    assert isinstance(run.network, NetworkConfig)
    assert isinstance(run.objective, ObjectiveConfig)
    network = run.network.model_copy(update={"heatmaps": heatmaps})
    objective = run.objective if supervised else run.objective.model_copy(update={"reconstruction": None})
    return run.model_copy(update={"recipe": name, "network": network, "objective": objective})


LINES = (
    Line("paper", _paper, Published("Gait3D", "settings those of GaitBase", apart="the paper's own sizes, weights and schedule are not public")),
)
