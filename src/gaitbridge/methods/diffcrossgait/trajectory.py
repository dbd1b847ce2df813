"""Trajectory-level alignment by latent diffusion: the equations of DiffCrossGait, one function each.

Notation (m in {2d, 3d}: silhouettes and range views; all latents [N, D, K])
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


def level(abar: Tensor, t: Tensor) -> Tensor:
    """abar_t of each row, [N] steps to [N, 1, 1]."""
    return abar.to(t.device)[t][:, None, None]


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
