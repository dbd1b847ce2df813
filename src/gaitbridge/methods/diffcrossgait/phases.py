"""The losses along the denoising trajectory: the denoising loss and the three phases, by the intensity of the noise."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.diffusion import LatentDiffusion
from gaitbridge.methods.diffcrossgait.identity import IdentityConfig, Losses, identity_losses
from gaitbridge.methods.diffcrossgait.network import MODALITIES

Both = Mapping[str, Tensor]


def trajectory_losses(diffusion: LatentDiffusion, latents: Both, people: Tensor, identity: IdentityConfig, targets: Both | None = None) -> Losses:
    """The denoising loss and the three phases, each on the rows whose step lies in its noise range. targets: what is to be recovered, the latents
    themselves by default."""
    settings, losses = diffusion.config, {}
    abar = trajectory.signal_levels(settings.schedule)
    # 1. pair each silhouette latent with a range-view latent of the same walk, or of any walk of the person
    partner = partners(people) if settings.partner == "same_person" else torch.arange(len(people), device=people.device)
    z_0 = {CAMERA: latents[CAMERA], LIDAR: latents[LIDAR][partner]}
    axes = z_0[CAMERA].ndim - 1
    # 2. drive both with one noise and one step a pair
    t = trajectory.drawn_steps(len(people), abar, people.device, settings.noise_levels)
    eps = {CAMERA: torch.randn_like(z_0[CAMERA])}
    eps[LIDAR] = eps[CAMERA] if settings.shared_noise else torch.randn_like(z_0[LIDAR])
    abar_t = trajectory.level(abar, t, axes)
    z_t = {m: trajectory.diffuse(z_0[m], eps[m], abar_t) for m in MODALITIES}
    # 3. denoise both with the one denoiser, and with them an earlier point of the trajectory, where phase 2 looks at it or everywhere for
    # consistency; each modality keeps the ordinary denoising loss
    low, high = t <= settings.boundaries[0], t > settings.boundaries[1]
    medium, count = ~low & ~high, len(t)
    rows = torch.ones_like(medium) if settings.consistency else medium if 2 in settings.phases else torch.zeros_like(medium)
    earlier = (t[rows] - settings.difference_steps).clamp(min=0)
    abar_e = trajectory.level(abar, earlier, axes)
    z_e = {m: trajectory.diffuse(z_0[m][rows], eps[m][rows], abar_e) for m in MODALITIES}
    given = None
    if settings.conditioned:
        shown = others_shown(z_0, settings.condition_dropout)
        given = {m: torch.cat([shown[m], shown[m][rows]]) for m in MODALITIES}
    found = diffusion.denoised({m: torch.cat([z_t[m], z_e[m]]) for m in MODALITIES}, torch.cat([t, earlier]), torch.cat([abar_t, abar_e]), given)
    prediction, z0hat, epshat, mid = ({m: x[:count] for m, x in group.items()} for group in found)
    before = {m: x[count:] for m, x in found[1].items()}
    clean = z_0 if targets is None else {CAMERA: targets[CAMERA], LIDAR: targets[LIDAR][partner]}
    if settings.recovers == "person":
        clean = dict.fromkeys(MODALITIES, person_means(latents if targets is None else targets, people))
    wanted = {m: trajectory.training_target(clean[m], eps[m], abar_t, settings.target) for m in MODALITIES}
    losses["denoising"] = settings.denoising * torch.stack([(prediction[m] - wanted[m]).square().mean() for m in MODALITIES]).mean()
    if settings.consistency:
        steady = [trajectory.consistency(z0hat[m], before[m], z_0[m], earlier) for m in MODALITIES]
        losses["consistency"] = settings.consistency * torch.stack(steady).mean()
        before = {m: before[m][medium] for m in MODALITIES}
    # 4. the phases
    if 1 in settings.phases:
        losses["phase1_anchoring"] = settings.anchoring * anchoring(diffusion, z0hat, people, low, identity)
    if 2 in settings.phases:
        losses["phase2_dynamics"] = settings.dynamics * dynamics(diffusion, z0hat, epshat, before, medium, people)
    if 3 in settings.phases:
        losses["phase3_recoverability"] = settings.recoverability * recoverability(diffusion, clean, mid, t, high, people)
    return losses


def anchoring(diffusion: LatentDiffusion, z0hat: Both, people: Tensor, low: Tensor, identity: IdentityConfig) -> Tensor:
    """Phase 1, identity anchoring at low noise: recovered latents tell who it is, and both modalities' agree."""
    if not bool(low.any()):
        return z0hat[CAMERA].sum() * 0.0
    chosen = {m: z0hat[m][low] for m in MODALITIES}
    found = identity_losses(in_parts(chosen), people[low], diffusion.classify, identity)
    return torch.stack(list(found.values())).sum() + diffusion.gap(chosen, people[low])


def dynamics(diffusion: LatentDiffusion, z0hat: Both, epshat: Both, before: Both, medium: Tensor, people: Tensor) -> Tensor:
    """Phase 2, dynamics consistency at medium noise: equal recovered latents, predicted noises, and steps along the trajectory.

    before: the recovered latents of the medium rows, `difference_steps` earlier.
    """
    if not bool(medium.any()):
        return z0hat[CAMERA].sum() * 0.0
    now = {m: z0hat[m][medium] for m in MODALITIES}
    moved = {m: now[m] - before[m] for m in MODALITIES}
    return diffusion.gap(now, people[medium]) + diffusion.gap({m: epshat[m][medium] for m in MODALITIES}) + diffusion.gap(moved)


def recoverability(diffusion: LatentDiffusion, z_0: Both, mid: Both, t: Tensor, high: Tensor, people: Tensor) -> Tensor:
    """Phase 3, structural recoverability at high noise: one bottleneck for both, from which either's clean latent comes back.

    The bottleneck gap is taken relative to the bottlenecks' variance over the batch: it cannot close by shrinking.
    """
    if not bool(high.any()):
        return z_0[CAMERA].sum() * 0.0
    settings = diffusion.config
    variance = torch.cat([mid[m] for m in MODALITIES]).var(0).mean()
    loss = diffusion.gap({m: mid[m][high] for m in MODALITIES}, people[high])
    if settings.agreement == "squared":
        loss = loss / variance.clamp(min=1e-6)
    rows = high if settings.recovers_walk == "same" else other_walks(people)[high]
    recovered = diffusion.recovered_from({CAMERA: mid[LIDAR][high], LIDAR: mid[CAMERA][high]}, t[high])
    for own in MODALITIES:
        target = z_0[own][rows].detach() if settings.detach_recovery_target else z_0[own][rows]
        loss = loss + 0.5 * trajectory.gap(recovered[own], target)
    return loss


def person_means(latents: Both, people: Tensor) -> Tensor:
    """Of each row the mean latent of its person over rows and modalities, without gradients: [N, D, K]."""
    same = (people[:, None] == people[None]).float()
    mean = torch.stack([latents[m].detach() for m in MODALITIES]).mean(0)
    return torch.einsum("nm,m...->n...", same / same.sum(1, keepdim=True), mean)


def in_parts(latents: Both) -> dict[str, Tensor]:
    """Latents [N, D, K], or of maps their means over columns."""
    return {m: x if x.ndim == 3 else x.mean(3) for m, x in latents.items()}


def others_shown(z_0: Both, dropout: float) -> dict[str, Tensor]:
    """For each modality the other's clean latents, zeros in a share `dropout` of the pairs, the same ones in both."""
    camera = z_0[CAMERA]
    kept = trajectory.by_row(torch.rand(len(camera), device=camera.device) >= dropout, camera.ndim - 1).to(camera.dtype)
    return {CAMERA: kept * z_0[LIDAR], LIDAR: kept * camera}


def other_walks(people: Tensor) -> Tensor:
    """For each row another row of the same person, drawn anew: int64 [N]; itself where the person has no other."""
    order = torch.rand(len(people), device=people.device).argsort()
    by_person = order[people[order].argsort(stable=True)]  # persons one after the other, each one's rows shuffled
    sorted_people, places = people[by_person], torch.arange(len(people), device=people.device)
    first = torch.searchsorted(sorted_people, sorted_people)
    last = places == torch.searchsorted(sorted_people, sorted_people, right=True) - 1
    result = torch.empty_like(by_person)
    result[by_person] = by_person[torch.where(last, first, places + 1)]  # each one's next, the last one's the first
    return result


def partners(people: Tensor) -> Tensor:
    """For each row a random row of the same person, possibly itself: int64 [N], a permutation within each person."""
    order = torch.rand(len(people), device=people.device)
    shuffled = torch.argsort(order)
    by_person, mixed = torch.argsort(people, stable=True), shuffled[torch.argsort(people[shuffled], stable=True)]
    result = torch.empty_like(by_person)
    result[by_person] = mixed
    return result
