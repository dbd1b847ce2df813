"""The latent diffusion: its settings, and the module that projects to the latent and denoises it. Training only."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, Scale, Share, Weight
from gaitbridge.conventions import CAMERA, LIDAR, SENSOR
from gaitbridge.losses.cross_entropy import CosineClassifier
from gaitbridge.losses.supervised_contrastive import cross_contrastive
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.network import MODALITIES, NetworkConfig, maps_name
from gaitbridge.models.denoiser import GROUPS, SHORTEST, Denoiser
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.types import Features

Step = Annotated[int, Field(ge=1, le=trajectory.STEPS - 1)]


class DiffusionConfig(Config):
    """The latent diffusion and its phases; `phases=[]` leaves it out altogether."""

    phases: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)
    """Which phases are trained: 1 anchors identity, 2 aligns the dynamics, 3 recovers either sensor's latent from one bottleneck; [] for none."""
    boundaries: tuple[Step, Step] = (30, 65)
    """Phase 1 is 1 ... b0, phase 2 is b0 + 1 ... b1, phase 3 is b1 + 1 ... 100."""
    denoising: Weight = 1.0
    """Weight of the denoiser's own loss, at all steps of the trajectory."""
    anchoring: Weight = 0.3
    """Weight of phase 1: identity losses on recovered latents, in steps of little noise."""
    dynamics: Weight = 0.3
    """Weight of phase 2: both sensors' trajectories change alike from step to step."""
    recoverability: Weight = 0.3
    """Weight of phase 3: both sensors meet in one bottleneck, from which either's latent is recovered, in steps of much noise."""
    schedule: trajectory.Schedule = "cosine"
    """How the signal falls along the trajectory."""
    target: trajectory.Target = "x0"
    """What the denoiser predicts: the clean latent (x0), the noise (eps), or v, a mixture of both."""
    latent: Channels = 32
    """Channels of the latent; of no account where it is the embedding itself."""
    width: Annotated[int, Field(ge=GROUPS, le=4096, multiple_of=GROUPS)] = 64
    """Channels of the denoiser, which normalises them in groups."""
    difference_steps: Step = 5
    """Steps between the two points of phase 2's finite difference along the trajectory."""
    shared_noise: bool = True
    """Both sensors' latents are diffused by the same noise, so that their trajectories differ by the latents alone."""
    noise_levels: trajectory.Levels = "uniform"
    """How steps are drawn: evenly, or log-normally by their noise, which leaves the ends of the trajectory out."""
    partner: Literal["synchronised", "same_person"] = "synchronised"
    """Whose latent goes with a silhouette sequence's: the range views of the same moment, or any of the same person in the batch."""
    recovers: Literal["own", "person"] = "own"
    """What is denoised towards: the diffused latent itself, or its person's mean over all walks, views and sensors of the batch."""
    recovers_walk: Literal["same", "another"] = "same"
    """Whose clean latent phase 3 recovers from a bottleneck: the walk's own, or that of another walk of the person, from another view or take."""
    detach_recovery_target: bool = True
    """Keep phase 3's gradients out of the latent that is recovered: the bottleneck goes to it, it does not come."""
    target_momentum: Share = 0.0
    """What is recovered are the latents of a moving average of the network: theta' = m theta' + (1 - m) theta after each step; 0 leaves it out."""
    holds: Literal["neither", "camera", "lidar"] = "neither"
    """The sensor whose encoder the phases leave alone: its features enter the latent without gradients, and the other's come to them."""
    conditioned: bool = False
    """The denoiser is shown the other modality's clean latent beside the noisy one."""
    condition_dropout: Share = 0.5
    """In how many pairs it is not, zeros in its place."""
    consistency: Weight = 0.0
    """Of the difference of one modality's recovered latents at t and `difference_steps` earlier, the earlier held fast (consistency training)."""
    agreement: Literal["squared", "contrastive"] = "squared"
    """How far apart two trajectories are: by their squared difference, or relative to other people's trajectories, as retrieval sees it."""
    agreement_temperature: Scale = 0.1
    """Of the contrastive agreement."""
    latent_from: Literal["parts", "embedding", "maps"] = "parts"
    """What the clean latent is: a projection of the part features; the embedding itself, the one that is compared at inference; or a projection of
    the last stage's maps, which keeps space: [N, D, parts, columns], and its denoiser is a U-Net of two axes."""
    columns: Annotated[int, Field(ge=SHORTEST, le=256, multiple_of=SHORTEST)] = 8
    """Of `maps`."""

    @model_validator(mode="after")
    def _ordered(self) -> "DiffusionConfig":
        if list(self.phases) != sorted(set(self.phases)):
            raise ValueError(f"phases must rise, which {list(self.phases)} do not")
        if not 0 < self.boundaries[0] < self.boundaries[1] < trajectory.STEPS:
            raise ValueError(f"boundaries must rise within 1 and {trajectory.STEPS - 1}, which {list(self.boundaries)} do not")
        if self.difference_steps > self.boundaries[0]:
            raise ValueError(f"difference_steps is {self.difference_steps}: give 1 to {self.boundaries[0]}, the earlier point needs a step")
        return self


class Projector(nn.Module):
    """What the network gives to clean latents."""

    def __init__(self, config: DiffusionConfig, network: NetworkConfig) -> None:
        super().__init__()
        self.config, self.parts = config, network.parts
        self.project: nn.Module | None = None
        self.size, columns = network.embedding, 1
        if config.latent_from != "embedding":
            self.size = config.latent
            if config.latent_from == "maps":
                self.project, columns = nn.Conv2d(network.channels[-1], self.size, 1), config.columns
            else:
                self.project = SeparateLinear(network.parts, network.embedding, self.size)
            self.normal = ModalityBatchNorm(MODALITIES, network.parts * columns, self.size)

    def latents(self, features: Features) -> dict[str, Tensor]:
        """z_0 of each modality [N, D, K], of maps [N, D, K, W]: unit variance (over the batch, or of an embedding's channels), so that no gap closes
        by shrinking."""
        if self.project is None:
            return {name: self._held(x, name).float() * x.shape[1] ** 0.5 for name, x in features.embeddings.items()}
        given = features.parts
        if self.config.latent_from == "maps":
            size = (self.parts, self.config.columns)
            given = {name: functional.adaptive_avg_pool2d(features.extras[maps_name(name)].float(), size) for name in MODALITIES}
        return {name: self.normal(self.project(self._held(given[name], name)), name).float() for name in MODALITIES}

    def _held(self, features: Tensor, name: str) -> Tensor:
        return features.detach() if SENSOR[name] == self.config.holds else features


class LatentDiffusion(Projector):
    """Projector to the latent, its classifier, and one denoiser for both modalities."""

    def __init__(self, config: DiffusionConfig, network: NetworkConfig, people: int) -> None:
        super().__init__(config, network)
        self.classify = CosineClassifier(network.parts, self.size, people)
        axes = 2 if config.latent_from == "maps" else 1
        self.denoise = Denoiser(self.size, config.width, len(MODALITIES), axes, self.size if config.conditioned else 0)

    def gap(self, of: Mapping[str, Tensor], people: Tensor | None = None) -> Tensor:
        """The gap between the modalities; with `people`, as `agreement` says."""
        if people is not None and self.config.agreement == "contrastive":
            camera, lidar = (of[m].flatten(2) for m in (CAMERA, LIDAR))
            return cross_contrastive(camera, lidar, people, self.config.agreement_temperature)
        return trajectory.gap(of[CAMERA], of[LIDAR])

    def denoised(self, z_t: Mapping[str, Tensor], t: Tensor, abar_t: Tensor, given: Mapping[str, Tensor] | None = None
                 ) -> tuple[dict[str, Tensor], ...]:
        """(prediction, z0hat, epshat, mid) by modality, from one call of the denoiser on both; given: what it is shown beside z_t, if anything."""
        both = torch.cat([z_t[name] for name in MODALITIES])
        number = torch.arange(len(MODALITIES), device=t.device).repeat_interleave(len(t))
        shown = None if given is None else torch.cat([given[name] for name in MODALITIES])
        prediction, mid = self.denoise(both, t.repeat(2), number, shown)
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
