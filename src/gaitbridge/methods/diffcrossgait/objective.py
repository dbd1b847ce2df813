"""What DiffCrossGait is trained with: identity losses, embedding alignment, and the three phases of trajectory alignment."""

from torch import Tensor, nn

from gaitbridge.config import Config, Share, Weight
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.errors import UserError
from gaitbridge.methods.diffcrossgait.alignment import AlignmentConfig, alignment_losses
from gaitbridge.methods.diffcrossgait.diffusion import DiffusionConfig, LatentDiffusion
from gaitbridge.methods.diffcrossgait.identity import IdentityConfig, Losses, identity_losses, make_classifier
from gaitbridge.methods.diffcrossgait.moving_average import MovingAverage, target_name
from gaitbridge.methods.diffcrossgait.network import MODALITIES, NetworkConfig
from gaitbridge.methods.diffcrossgait.phases import in_parts, trajectory_losses
from gaitbridge.methods.diffcrossgait.teacher import Teacher, TeacherConfig
from gaitbridge.methods.meshgait.reconstruction import Reconstruction, ReconstructionConfig
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.models.denoiser import SHORTEST
from gaitbridge.models.fused_encoder import PREFIX, of_one
from gaitbridge.types import Batch, Features

TAUGHT = "teacher"  # among the features' extras: the teacher's embeddings


class ObjectiveConfig(Config):
    """All that only training needs."""

    identity: IdentityConfig = IdentityConfig()
    """Cross-entropy and triplets of both sensors."""
    alignment: AlignmentConfig = AlignmentConfig()
    """What brings the two sensors' embeddings together directly."""
    latent_identity: Weight = 0.0
    """Identity losses on the clean latent without any diffusion: the control arm for phase 1's auxiliary head."""
    diffusion: DiffusionConfig = DiffusionConfig()
    """The alignment of whole diffusion trajectories."""
    teacher: TeacherConfig | None = None
    """A teacher of both sensors that both encoders imitate; null leaves it out."""
    reconstruction: ReconstructionConfig | None = None
    """What supervises the heatmaps where the network has them (network.heatmaps)."""
    lidar_reconstruction: ReconstructionConfig | None = None
    """What supervises the range views' heatmaps (network.heatmaps_lidar)."""
    warm_up: Share = 0.3
    """Share of the training over which alignment and diffusion weights rise from zero: the identity losses form the space first."""


def truth(objective: ObjectiveConfig) -> Truth | None:
    """What is to be read with each batch beside the images, or None."""
    camera, lidar = objective.reconstruction, objective.lidar_reconstruction
    if camera is None and lidar is None:
        return None
    mesh = any(one is not None and one.mesh for one in (camera, lidar))
    return Truth(mesh=mesh, camera=camera is not None, lidar=lidar is not None)


class Objective(nn.Module):
    """The losses of one batch by name, already weighted: their sum is minimised."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config = config
        self.classify = make_classifier(config.identity, network.parts, network.embedding, people)
        needed = bool(config.diffusion.phases) or config.latent_identity > 0
        if needed and network.parts % SHORTEST:
            raise ValueError(f"network.parts is {network.parts}, the denoiser halves them twice: give a multiple of {SHORTEST}, or leave it out by "
                             "objective.diffusion.phases=[]")
        if network.lidar_points and (config.teacher is not None or (needed and config.diffusion.latent_from == "maps")):
            raise ValueError("network.lidar_points has no maps: objective.teacher must be null and objective.diffusion.latent_from another than maps")
        self.diffusion = LatentDiffusion(config.diffusion, network, people) if needed else None
        slow = bool(config.diffusion.phases) and config.diffusion.target_momentum > 0
        self.slow = MovingAverage(config.diffusion, network) if slow else None
        self.teacher = Teacher(config.teacher, network, config.identity, people) if config.teacher is not None else None
        self.reconstructions = nn.ModuleDict()
        for modality, names, wanted, branch in (
                (CAMERA, ("reconstruction", "heatmaps"), config.reconstruction, network.heatmaps),
                (LIDAR, ("lidar_reconstruction", "heatmaps_lidar"), config.lidar_reconstruction, network.heatmaps_lidar)):
            if wanted is None:
                continue
            if branch is None:
                raise ValueError(f"objective.{names[0]} needs network.{names[1]}: give both or neither")
            self.reconstructions[modality] = Reconstruction(wanted, branch.joints, branch.markers)

    def begin(self, network: nn.Module, processes: int) -> None:
        """Before the first step of a training in so many processes. UserError where it cannot be shared."""
        for setting, module in (("teacher", self.teacher), ("diffusion.target_momentum", self.slow)):
            if module is not None and processes > 1:
                raise UserError(f"objective.{setting} needs the images of the whole batch: train in one process")
        if self.diffusion is not None and self.config.diffusion.latent_from == "maps":
            network.gives_maps = True  # type: ignore[assignment]
        self.follow(network, 0.0)

    def follow(self, network: nn.Module, momentum: float | None = None) -> None:
        """After each step: what moves along with the network; momentum: that of the settings by default."""
        if self.slow is not None and self.diffusion is not None:
            self.slow.follow(network, self.diffusion, momentum)

    def beside(self, batch: Batch) -> dict[str, Tensor]:
        """What is seen in the images besides the network's features, by name, for their extras; at the network's own precision."""
        taught = {TAUGHT: self.teacher(batch)} if self.teacher is not None else {}
        return taught | (self.slow.latents(batch) if self.slow is not None else {})

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> Losses:
        """features by modality, the batch they came from, and the share of the training done (0 to 1), for the warm-up."""
        settings, people = self.config, batch.people
        rise = min(1.0, done / settings.warm_up) if settings.warm_up else 1.0
        losses = identity_losses(features.embeddings, people, self.classify, settings.identity)
        losses |= {name: rise * loss for name, loss in alignment_losses(settings.alignment, features, people).items()}
        if self.teacher is not None:
            losses |= self.teacher.losses(features.extras[TAUGHT], features.embeddings, people, self.classify, done)
        for modality, reconstruction in self.reconstructions.items():
            found = reconstruction(of_one(features.extras, modality), of_one(batch.extras, modality))
            losses |= {f"{PREFIX[modality]}{name}": loss for name, loss in found.items()}
        if self.diffusion is not None:
            latents = self.diffusion.latents(features)
            if weight := settings.latent_identity:
                extra = identity_losses(in_parts(latents), people, self.diffusion.classify, settings.identity, "latent_")
                losses |= {name: rise * weight * loss for name, loss in extra.items()}
            if settings.diffusion.phases:
                targets = {m: features.extras[target_name(m)] for m in MODALITIES} if self.slow is not None else None
                along = trajectory_losses(self.diffusion, latents, people, settings.identity, targets)
                losses |= {name: rise * loss for name, loss in along.items()}
        return losses
