"""Complete runs of DiffCrossGait. `gaitbridge train RECIPE --data STORE --out RUN`."""

from gaitbridge.data.batches import DataConfig
from gaitbridge.methods.diffcrossgait.alignment import AlignmentConfig
from gaitbridge.methods.diffcrossgait.diffusion import DiffusionConfig
from gaitbridge.methods.diffcrossgait.identity import IdentityConfig
from gaitbridge.methods.diffcrossgait.network import NetworkConfig
from gaitbridge.methods.diffcrossgait.objective import ObjectiveConfig
from gaitbridge.methods.meshgait.recipes import TINY_HEATMAPS
from gaitbridge.methods.meshgait.reconstruction import ReconstructionConfig
from gaitbridge.training.config import OptimiserConfig, RunConfig
from gaitbridge.training.lines import Line, Published


def tiny() -> RunConfig:
    """The demo's: all parts of the method at a size for two CPU cores.

    `gaitbridge train diffcrossgait/tiny --data people --out run`: 5 to 7 minutes on two cores with bf16 in hardware. On the default cohort of
    60 + 12 + 50 simulated people, other views: probe camera, gallery LiDAR 56 % rank-1, probe LiDAR, gallery camera 59 % (one run; three with the
    partner of any walk: 54 to 57 % and 60 to 61 %; chance 2.0 %).
    """
    return RunConfig(
        method="diffcrossgait", recipe="diffcrossgait/tiny",
        network=NetworkConfig(channels=(16, 32, 64), strides=(1, 2, 1), stem_stride=2, parts=16, embedding=64),
        objective=ObjectiveConfig(diffusion=DiffusionConfig(width=32)),
        data=DataConfig(people_per_batch=16, sequences_per_person=4, frames=3),
        optimiser=OptimiserConfig(name="adamw", learning_rate=5e-3),
        steps=1000, validate_every=250,
    )


def tiny_identity() -> RunConfig:
    """The same network with identity losses alone: 53 % and 57 to 61 % (two runs, as `tiny`)."""
    objective = ObjectiveConfig(alignment=AlignmentConfig(kind="none"), diffusion=DiffusionConfig(phases=()))
    return tiny().model_copy(update={"recipe": "diffcrossgait/tiny_identity", "objective": objective})


def tiny_info_nce() -> RunConfig:
    """Identity losses and InfoNCE on synchronised pairs: 52 % and 51 % (one run, as `tiny`)."""
    objective = ObjectiveConfig(alignment=AlignmentConfig(kind="info_nce"), diffusion=DiffusionConfig(phases=()))
    return tiny().model_copy(update={"recipe": "diffcrossgait/tiny_info_nce", "objective": objective})


def tiny_contrastive() -> RunConfig:
    """Identity losses and supervised contrastive over all same-person samples, the strong baseline: 55 % and 63 to 64 % (two runs, as `tiny`)."""
    objective = ObjectiveConfig(diffusion=DiffusionConfig(phases=()))
    return tiny().model_copy(update={"recipe": "diffcrossgait/tiny_contrastive", "objective": objective})


def tiny_heatmaps() -> RunConfig:
    """`tiny` with Mesh-Gait's 3D branch in the silhouettes' encoder, supervised by 3D truth."""
    base = tiny()
    assert isinstance(base.network, NetworkConfig)
    assert isinstance(base.objective, ObjectiveConfig)
    network = base.network.model_copy(update={"heatmaps": TINY_HEATMAPS})
    objective = base.objective.model_copy(update={"reconstruction": ReconstructionConfig()})
    return base.model_copy(update={"recipe": "diffcrossgait/tiny_heatmaps", "network": network, "objective": objective})


def tiny_heatmaps_both() -> RunConfig:
    """`tiny_heatmaps` with the branch in the range views' encoder as well: both recover the body, both embeddings may hold it.

    With late stages shared, 25 people of `small@2` and 1,000 steps 39 % and 42 % across the sensors, 42 and 45 without heatmaps (one seed)."""
    base = tiny_heatmaps()
    assert isinstance(base.network, NetworkConfig)
    assert isinstance(base.objective, ObjectiveConfig)
    network = base.network.model_copy(update={"heatmaps_lidar": TINY_HEATMAPS})
    objective = base.objective.model_copy(update={"lidar_reconstruction": ReconstructionConfig()})
    return base.model_copy(update={"recipe": "diffcrossgait/tiny_heatmaps_both", "network": network, "objective": objective})


def _paper() -> RunConfig:
    """Published sizes and schedule: ResNet-9 of 64-128-256-512 channels, 8 x 8 sequences of 10 frames, Adam, 40,000 steps.

    One GPU, or `torchrun --nproc-per-node N -m gaitbridge train diffcrossgait/paper ...` over several. Not run to its end by us: no numbers yet.
    """
    return RunConfig(
        method="diffcrossgait", recipe="diffcrossgait/paper",
        network=NetworkConfig(),
        objective=ObjectiveConfig(identity=IdentityConfig(), diffusion=DiffusionConfig(latent=64, width=128)),
        data=DataConfig(people_per_batch=8, sequences_per_person=8, frames=10, workers=4),
        optimiser=OptimiserConfig(name="adam", learning_rate=1e-3, weight_decay=5e-4, schedule="multi_step", milestones=(20_000, 30_000)),
        steps=40_000, validate_every=2_000, log_every=100,
    )


LINES = (
    Line("paper", _paper, Published("SUSTech1K", "figures as another paper lists DiffCrossGait's; settings those of its authors' earlier networks",
                                    "58.7 (probe camera, gallery LiDAR), 63.8 (probe LiDAR, gallery camera)",
                                    apart="the paper's own sizes, weights and schedule are not public")),
)
