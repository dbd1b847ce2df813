"""The latent diffusion: its settings, and the module that projects to the latent and denoises it. Training only."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, Config, Scale, Weight
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.losses.cross_entropy import CosineClassifier
from gaitbridge.losses.supervised_contrastive import cross_contrastive
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.network import MODALITIES
from gaitbridge.models.denoiser import GROUPS, Denoiser
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.types import Features

Step = Annotated[int, Field(ge=1, le=trajectory.STEPS - 1)]


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
