"""Trajectory-level alignment by latent diffusion: the equations of DiffCrossGait, one function each.

Notation (m in {2d, 3d}: silhouettes and range views; all latents [N, D, K], or with columns [N, D, K, W])
    z_0^m       clean identity-relevant latent           eps ~ N(0, I)   the shared noise, one for both modalities
    abar_t      cumulative signal level, t = 1 ... T     z_t^m           noisy latent
    z0hat^m     recovered clean latent                   epshat^m        predicted noise
    mid^m       the denoiser's bottleneck at step t

The paper's equations are not public: what is written here is our reading of its statements, see README.md beside this file.
"""

from functools import cache
from typing import Literal

import torch
from torch import Tensor

STEPS = 100  # T
Schedule = Literal["cosine", "linear"]
Target = Literal["x0", "eps", "v"]
Levels = Literal["uniform", "log_normal"]
LOG_SIGMA = (-0.5, 1.2)  # mean and deviation of ln sigma: Karras et al.'s -1.2 and 1.2 are of data with a deviation of 0.5, latents' is 1


@cache
def signal_levels(schedule: Schedule = "cosine", steps: int = STEPS) -> Tensor:
    """abar_t for t = 0 ... T as float32 [T + 1], abar_0 = 1 (Nichol and Dhariwal 2021; Ho et al. 2020, scaled to T steps)."""
    from diffusers import DDPMScheduler

    if schedule == "cosine":
        noise = DDPMScheduler(num_train_timesteps=steps, beta_schedule="squaredcos_cap_v2")
    else:  # the usual 1e-4 ... 0.02 belongs to 1,000 steps
        scale = 1000 / steps
        noise = DDPMScheduler(num_train_timesteps=steps, beta_schedule="linear", beta_start=1e-4 * scale, beta_end=0.02 * scale)
    return torch.cat([torch.ones(1), noise.alphas_cumprod.float()])


def level(abar: Tensor, t: Tensor, axes: int = 2) -> Tensor:
    """abar_t of each row, [N] steps to [N, 1, 1], or as many axes as are asked for."""
    return by_row(abar.to(t.device)[t], axes)


def by_row(values: Tensor, axes: int) -> Tensor:
    """A value a row [N] to [N, 1, ...], with as many axes more."""
    return values.view(len(values), *(1,) * axes)


def drawn_steps(count: int, abar: Tensor, device: torch.device, levels: Levels = "uniform") -> Tensor:
    """Steps t of so many rows, int64 [N] of 1 ... T: evenly, or those whose sigma_t = sqrt((1 - abar_t) / abar_t) is nearest to one drawn by
    ln sigma ~ N(-0.5, 1.2^2) (Karras et al. 2022, in units of the latents' deviation)."""
    if levels == "uniform":
        return torch.randint(1, len(abar), (count,), device=device)
    mean, deviation = LOG_SIGMA
    known = 0.5 * ((1.0 - abar[1:]) / abar[1:].clamp(min=1e-12)).log().to(device)  # rises with t
    drawn = mean + deviation * torch.randn(count, device=device)
    return torch.searchsorted((known[1:] + known[:-1]) / 2, drawn) + 1


def diffuse(z_0: Tensor, eps: Tensor, abar_t: Tensor) -> Tensor:
    """Forward process: z_t = sqrt(abar_t) z_0 + sqrt(1 - abar_t) eps (Ho et al. 2020, equation 4)."""
    return abar_t.sqrt() * z_0 + (1.0 - abar_t).sqrt() * eps


def training_target(z_0: Tensor, eps: Tensor, abar_t: Tensor, target: Target) -> Tensor:
    """What the denoiser must predict: x0 = z_0, eps, or v = sqrt(abar_t) eps - sqrt(1 - abar_t) z_0 (Salimans and Ho 2022)."""
    if target == "x0":
        return z_0
    return eps if target == "eps" else abar_t.sqrt() * eps - (1.0 - abar_t).sqrt() * z_0


def recovered_latent(prediction: Tensor, z_t: Tensor, abar_t: Tensor, target: Target) -> Tensor:
    """z0hat; for eps it is (z_t - sqrt(1 - abar_t) epshat) / sqrt(abar_t)."""
    if target == "x0":
        return prediction
    if target == "v":
        return abar_t.sqrt() * z_t - (1.0 - abar_t).sqrt() * prediction
    return (z_t - (1.0 - abar_t).sqrt() * prediction) / abar_t.sqrt().clamp(min=1e-2)


def predicted_noise(prediction: Tensor, z_t: Tensor, abar_t: Tensor, target: Target) -> Tensor:
    """epshat; for x0 it is (z_t - sqrt(abar_t) z0hat) / sqrt(1 - abar_t)."""
    if target == "eps":
        return prediction
    z0hat = recovered_latent(prediction, z_t, abar_t, target)
    return (z_t - abar_t.sqrt() * z0hat) / (1.0 - abar_t).sqrt().clamp(min=1e-2)


def gap(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference of a and b [N, ...] per element."""
    return (a - b).float().square().mean()


def consistency(z0hat: Tensor, earlier: Tensor, z_0: Tensor, t_earlier: Tensor) -> Tensor:
    """mean (f(z_t, t) - sg f(z_t', t'))^2, t' = max(t - dt, 0), f the recovered latent under one noise, f(z, 0) = z_0 (Song et al. 2023, consistency
    training). z0hat at t, `earlier` at t', z_0 [N, ...]; t_earlier [N]."""
    return gap(z0hat, torch.where(by_row(t_earlier == 0, z_0.ndim - 1), z_0, earlier).detach())
