"""What DiffCrossGait is trained with: identity losses, embedding alignment, and the three phases of trajectory alignment."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, Config, Scale, Share, Smoothing, Weight
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.info_nce import info_nce
from gaitbridge.losses.supervised_contrastive import cross_contrastive, supervised_contrastive
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.network import MODALITIES, NetworkConfig
from gaitbridge.methods.meshgait.reconstruction import Reconstruction, ReconstructionConfig
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.models.denoiser import GROUPS, SHORTEST, Denoiser
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.types import Batch, Features

Losses = dict[str, Tensor]
Step = Annotated[int, Field(ge=1, le=trajectory.STEPS - 1)]


class IdentityConfig(Config):
    """Cross-entropy by a shared cosine classifier, and triplets in all four blocks of modalities."""

    cross_entropy: Weight = 1.0
    triplet: Weight = 1.0
    scale: Scale = 16.0
    smoothing: Smoothing = 0.1
    margin: Weight = 0.2


class AlignmentConfig(Config):
    """Alignment of the final embeddings, the kind of method that trajectory alignment is measured against."""

    kind: Literal["none", "info_nce", "supervised_contrastive"] = "supervised_contrastive"
    weight: Weight = 0.3
    temperature: Scale = 0.1


class DiffusionConfig(Config):
    """The latent diffusion and its phases; `phases=[]` leaves it out altogether."""

    phases: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    boundaries: tuple[Step, Step] = (30, 65)
    """Phase 1 is 1 ... b0, phase 2 is b0 + 1 ... b1, phase 3 is b1 + 1 ... 100."""
    denoising: Weight = 1.0
    anchoring: Weight = 0.3
    dynamics: Weight = 0.3
    recoverability: Weight = 0.3
    schedule: trajectory.Schedule = "cosine"
    target: trajectory.Target = "x0"
    latent: Channels = 32
    width: Annotated[int, Field(ge=GROUPS, le=4096, multiple_of=GROUPS)] = 64
    """Channels of the denoiser, which normalises them in groups."""
    difference_steps: Step = 5
    """Steps between the two points of phase 2's finite difference along the trajectory."""
    shared_noise: bool = True
    partner: Literal["synchronised", "same_person"] = "synchronised"
    """Whose latent goes with a silhouette sequence's: the range views of the same moment, or any of the same person in the batch."""
    recovers: Literal["own", "person"] = "own"
    """What is denoised towards: the diffused latent itself, or its person's mean over all walks, views and sensors of the batch."""
    detach_recovery_target: bool = True
    agreement: Literal["squared", "contrastive"] = "squared"
    """How far apart two trajectories are: by their squared difference, or relative to other people's trajectories, as retrieval sees it."""
    agreement_temperature: Scale = 0.1
    latent_from: Literal["parts", "embedding"] = "parts"
    """What the clean latent is: a projection of the part features, or the embedding itself, the one that is compared at inference."""

    @model_validator(mode="after")
    def _ordered(self) -> "DiffusionConfig":
        if list(self.phases) != sorted(set(self.phases)):
            raise ValueError(f"phases must rise, which {list(self.phases)} do not")
        if not 0 < self.boundaries[0] < self.boundaries[1] < trajectory.STEPS:
            raise ValueError(f"boundaries must rise within 1 and {trajectory.STEPS - 1}, which {list(self.boundaries)} do not")
        if self.difference_steps > self.boundaries[0]:
            raise ValueError(f"difference_steps is {self.difference_steps}: give 1 to {self.boundaries[0]}, the earlier point needs a step")
        return self


class ObjectiveConfig(Config):
    """All that only training needs."""

    identity: IdentityConfig = IdentityConfig()
    alignment: AlignmentConfig = AlignmentConfig()
    latent_identity: Weight = 0.0
    """Identity losses on the clean latent without any diffusion: the control arm for phase 1's auxiliary head."""
    diffusion: DiffusionConfig = DiffusionConfig()
    reconstruction: ReconstructionConfig | None = None
    """What supervises the heatmaps where the network has them (network.heatmaps)."""
    warm_up: Share = 0.3
    """Share of the training over which alignment and diffusion weights rise from zero: the identity losses form the space first."""


def truth(objective: ObjectiveConfig) -> Truth | None:
    """What is to be read with each batch beside the images, or None."""
    return Truth(mesh=objective.reconstruction.mesh) if objective.reconstruction else None


class LatentDiffusion(nn.Module):
    """Projector to the latent, its classifier, and one denoiser for both modalities."""

    def __init__(self, config: DiffusionConfig, parts: int, channels: int, people: int) -> None:
        super().__init__()
        self.config = config
        self.project: nn.Module | None = None
        size = channels
        if config.latent_from == "parts":
            size = config.latent
            self.project = SeparateLinear(parts, channels, size)
            self.normal = ModalityBatchNorm(MODALITIES, parts, size)
        self.classify = CosineClassifier(parts, size, people)
        self.denoise = Denoiser(size, config.width, len(MODALITIES))

    def latents(self, features: Features) -> dict[str, Tensor]:
        """z_0 of each modality [N, D, K]: unit variance (over the batch, or of an embedding's channels), so that no gap closes by shrinking."""
        if self.project is None:
            return {name: x.float() * x.shape[1] ** 0.5 for name, x in features.embeddings.items()}
        return {name: self.normal(self.project(features.parts[name]), name).float() for name in MODALITIES}

    def gap(self, of: Mapping[str, Tensor], people: Tensor | None = None) -> Tensor:
        """The gap between the modalities; with `people`, as `agreement` says."""
        if people is not None and self.config.agreement == "contrastive":
            return cross_contrastive(of[CAMERA], of[LIDAR], people, self.config.agreement_temperature)
        return trajectory.gap(of[CAMERA], of[LIDAR])

    def denoised(self, z_t: Mapping[str, Tensor], t: Tensor, abar_t: Tensor) -> tuple[dict[str, Tensor], ...]:
        """(prediction, z0hat, epshat, mid) by modality, from one call of the denoiser on both."""
        both = torch.cat([z_t[name] for name in MODALITIES])
        number = torch.arange(len(MODALITIES), device=t.device).repeat_interleave(len(t))
        prediction, mid = self.denoise(both, t.repeat(2), number)
        predictions = dict(zip(MODALITIES, prediction.chunk(2), strict=True))
        mids = dict(zip(MODALITIES, mid.chunk(2), strict=True))
        target = self.config.target
        z0hat = {m: trajectory.recovered_latent(predictions[m], z_t[m], abar_t, target) for m in MODALITIES}
        epshat = {m: trajectory.predicted_noise(predictions[m], z_t[m], abar_t, target) for m in MODALITIES}
        return predictions, z0hat, epshat, mids

    def recovered_from(self, mid: Mapping[str, Tensor], t: Tensor) -> dict[str, Tensor]:
        """Each modality's clean latent, decoded from one of these bottlenecks alone: the other modality's in phase 3."""
        number = torch.arange(len(MODALITIES), device=t.device).repeat_interleave(len(t))
        condition = self.denoise.condition(t.repeat(len(MODALITIES)), number)
        decoded: Tensor = self.denoise.decode(torch.cat([mid[m] for m in MODALITIES]), None, condition)
        return dict(zip(MODALITIES, decoded.chunk(len(MODALITIES)), strict=True))


class Objective(nn.Module):
    """The losses of one batch by name, already weighted: their sum is minimised."""

    def __init__(self, config: ObjectiveConfig, network: NetworkConfig, people: int) -> None:
        super().__init__()
        self.config = config
        self.classify = CosineClassifier(network.parts, network.embedding, people, config.identity.scale)
        needed = bool(config.diffusion.phases) or config.latent_identity > 0
        if needed and network.parts % SHORTEST:
            raise ValueError(f"network.parts is {network.parts}, the denoiser halves them twice: give a multiple of {SHORTEST}, or leave it out by "
                             "objective.diffusion.phases=[]")
        self.diffusion = LatentDiffusion(config.diffusion, network.parts, network.embedding, people) if needed else None
        self.reconstruction: Reconstruction | None = None
        if config.reconstruction is not None:
            if network.heatmaps is None:
                raise ValueError("objective.reconstruction needs network.heatmaps: give both or neither")
            self.reconstruction = Reconstruction(config.reconstruction, network.heatmaps.joints, network.heatmaps.markers)

    def forward(self, features: Features, batch: Batch, done: float = 1.0) -> Losses:
        """features by modality, the batch they came from, and the share of the training done (0 to 1), for the warm-up."""
        rise = min(1.0, done / self.config.warm_up) if self.config.warm_up else 1.0
        losses = self.identity_losses(features.embeddings, batch.people, self.classify, "")
        losses |= {name: rise * loss for name, loss in self.alignment_losses(features, batch.people).items()}
        if self.reconstruction is not None:
            losses |= self.reconstruction(features.extras, batch.extras)
        if self.diffusion is not None:
            latents = self.diffusion.latents(features)
            if weight := self.config.latent_identity:
                extra = self.identity_losses(latents, batch.people, self.diffusion.classify, "latent_")
                losses |= {name: rise * weight * loss for name, loss in extra.items()}
            if self.config.diffusion.phases:
                losses |= {name: rise * loss for name, loss in self.trajectory_losses(self.diffusion, latents, batch.people).items()}
        return losses

    def identity_losses(self, embeddings: Mapping[str, Tensor], people: Tensor, classify: nn.Module, prefix: str) -> Losses:
        """Cross-entropy in each modality; triplets with the anchor in one modality and both others in one, all four blocks."""
        weights = self.config.identity
        embeddings = {m: x.float() for m, x in embeddings.items()}
        both = torch.cat([embeddings[m] for m in MODALITIES])
        entropy = cross_entropy(classify(both), people.repeat(len(MODALITIES)), weights.smoothing)  # as many of each: the mean of their means
        unit = dict(zip(MODALITIES, nn.functional.normalize(both, dim=1).chunk(len(MODALITIES)), strict=True))
        blocks = [triplet(unit[a], unit[b], people, people, weights.margin, same=a == b) for a in MODALITIES for b in MODALITIES]
        return {f"{prefix}cross_entropy": weights.cross_entropy * entropy,
                f"{prefix}triplet": weights.triplet * torch.stack(blocks).mean()}

    def alignment_losses(self, features: Features, people: Tensor) -> Losses:
        """Alignment of the final embeddings: pairs (InfoNCE) or all samples of a person (supervised contrastive), or nothing."""
        settings = self.config.alignment
        camera, lidar = features.embeddings[CAMERA], features.embeddings[LIDAR]
        if settings.kind == "info_nce":
            return {"info_nce": settings.weight * info_nce(camera, lidar, settings.temperature, people)}
        if settings.kind == "supervised_contrastive":
            both = supervised_contrastive(torch.cat([camera, lidar]), people.repeat(2), settings.temperature)
            return {"supervised_contrastive": settings.weight * both}
        return {}

    def trajectory_losses(self, diffusion: LatentDiffusion, latents: Mapping[str, Tensor], people: Tensor) -> Losses:
        """The denoising loss and the three phases, each on the rows whose step lies in its noise range."""
        settings, losses = self.config.diffusion, {}
        abar = trajectory.signal_levels(settings.schedule)
        # 1. pair each silhouette latent with a range-view latent of the same walk, or of any walk of the person
        partner = partners(people) if settings.partner == "same_person" else torch.arange(len(people), device=people.device)
        z_0 = {CAMERA: latents[CAMERA], LIDAR: latents[LIDAR][partner]}
        # 2. drive both with one noise and one step a pair
        t = torch.randint(1, trajectory.STEPS + 1, (len(people),), device=people.device)
        eps = {CAMERA: torch.randn_like(z_0[CAMERA])}
        eps[LIDAR] = eps[CAMERA] if settings.shared_noise else torch.randn_like(z_0[LIDAR])
        abar_t = trajectory.level(abar, t)
        z_t = {m: trajectory.diffuse(z_0[m], eps[m], abar_t) for m in MODALITIES}
        # 3. denoise both with the one denoiser, and where phase 2 looks an earlier point of the trajectory with them; each modality keeps the
        # ordinary denoising loss
        low, high = t <= settings.boundaries[0], t > settings.boundaries[1]
        medium, count = ~low & ~high, len(t)
        rows = medium if 2 in settings.phases else torch.zeros_like(medium)
        earlier = t[rows] - settings.difference_steps
        abar_e = trajectory.level(abar, earlier)
        z_e = {m: trajectory.diffuse(z_0[m][rows], eps[m][rows], abar_e) for m in MODALITIES}
        found = diffusion.denoised({m: torch.cat([z_t[m], z_e[m]]) for m in MODALITIES}, torch.cat([t, earlier]), torch.cat([abar_t, abar_e]))
        prediction, z0hat, epshat, mid = ({m: x[:count] for m, x in group.items()} for group in found)
        before = {m: x[count:] for m, x in found[1].items()}
        clean = z_0 if settings.recovers == "own" else dict.fromkeys(MODALITIES, person_means(latents, people))
        wanted = {m: trajectory.training_target(clean[m], eps[m], abar_t, settings.target) for m in MODALITIES}
        losses["denoising"] = settings.denoising * torch.stack([(prediction[m] - wanted[m]).square().mean() for m in MODALITIES]).mean()
        # 4. the phases
        if 1 in settings.phases:
            losses["phase1_anchoring"] = settings.anchoring * self.anchoring(diffusion, z0hat, people, low)
        if 2 in settings.phases:
            losses["phase2_dynamics"] = settings.dynamics * self.dynamics(diffusion, z0hat, epshat, before, medium, people)
        if 3 in settings.phases:
            losses["phase3_recoverability"] = settings.recoverability * self.recoverability(diffusion, clean, mid, t, high, people)
        return losses

    def anchoring(self, diffusion: LatentDiffusion, z0hat: Mapping[str, Tensor], people: Tensor, low: Tensor) -> Tensor:
        """Phase 1, identity anchoring at low noise: recovered latents tell who it is, and both modalities' agree."""
        if not bool(low.any()):
            return z0hat[CAMERA].sum() * 0.0
        chosen = {m: z0hat[m][low] for m in MODALITIES}
        identity = self.identity_losses(chosen, people[low], diffusion.classify, "")
        return torch.stack(list(identity.values())).sum() + diffusion.gap(chosen, people[low])

    def dynamics(self, diffusion: LatentDiffusion, z0hat: Mapping[str, Tensor], epshat: Mapping[str, Tensor], before: Mapping[str, Tensor],
                 medium: Tensor, people: Tensor) -> Tensor:
        """Phase 2, dynamics consistency at medium noise: equal recovered latents, predicted noises, and steps along the trajectory.

        before: the recovered latents of the medium rows, `difference_steps` earlier.
        """
        if not bool(medium.any()):
            return z0hat[CAMERA].sum() * 0.0
        now = {m: z0hat[m][medium] for m in MODALITIES}
        moved = {m: now[m] - before[m] for m in MODALITIES}
        return diffusion.gap(now, people[medium]) + diffusion.gap({m: epshat[m][medium] for m in MODALITIES}) + diffusion.gap(moved)

    def recoverability(self, diffusion: LatentDiffusion, z_0: Mapping[str, Tensor], mid: Mapping[str, Tensor], t: Tensor,
                       high: Tensor, people: Tensor) -> Tensor:
        """Phase 3, structural recoverability at high noise: one bottleneck for both, from which either's clean latent comes back.

        The bottleneck gap is taken relative to the bottlenecks' variance over the batch: it cannot close by shrinking.
        """
        if not bool(high.any()):
            return z_0[CAMERA].sum() * 0.0
        settings = self.config.diffusion
        variance = torch.cat([mid[m] for m in MODALITIES]).var(0).mean()
        loss = diffusion.gap({m: mid[m][high] for m in MODALITIES}, people[high])
        if settings.agreement == "squared":
            loss = loss / variance.clamp(min=1e-6)
        recovered = diffusion.recovered_from({CAMERA: mid[LIDAR][high], LIDAR: mid[CAMERA][high]}, t[high])
        for own in MODALITIES:
            target = z_0[own][high].detach() if settings.detach_recovery_target else z_0[own][high]
            loss = loss + 0.5 * trajectory.gap(recovered[own], target)
        return loss


def person_means(latents: Mapping[str, Tensor], people: Tensor) -> Tensor:
    """Of each row the mean latent of its person over rows and modalities, without gradients: [N, D, K]."""
    same = (people[:, None] == people[None]).float()
    mean = torch.stack([latents[m].detach() for m in MODALITIES]).mean(0)
    return torch.einsum("nm,mdk->ndk", same / same.sum(1, keepdim=True), mean)


def partners(people: Tensor) -> Tensor:
    """For each row a random row of the same person, possibly itself: int64 [N], a permutation within each person."""
    order = torch.rand(len(people), device=people.device)
    shuffled = torch.argsort(order)
    by_person, mixed = torch.argsort(people, stable=True), shuffled[torch.argsort(people[shuffled], stable=True)]
    result = torch.empty_like(by_person)
    result[by_person] = mixed
    return result
