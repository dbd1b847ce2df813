"""The step-wise gap between the modalities along the denoising trajectory, as the authors' diagnostics, and relative to people's spread."""

from typing import Any

import torch
from torch import Tensor

from gaitbridge.conventions import CAMERA, LIDAR, stream
from gaitbridge.data.batches import padded
from gaitbridge.data.preparation import prepared
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.diffusion import LatentDiffusion
from gaitbridge.methods.diffcrossgait.network import MODALITIES, Network, maps_name
from gaitbridge.methods.diffcrossgait.objective import Objective
from gaitbridge.store import Store
from gaitbridge.types import Features

FILE = "trajectory.json"
SHOWN_STEPS = (10, 20, 30, 40, 50, 60, 70, 80, 90)
MOST_PAIRS = 320
DRAWS = 4
NOTE = ("Each gap is the mean Euclidean distance between the two modalities of one synchronised pair; between_people is the same distance "
        "between the camera of one person and the LiDAR of another, under the same noise; relative is their ratio. A raw gap proves nothing: "
        "it falls when everything shrinks.")


def diagnose(network: Network, objective: Objective, store: Store, numbers: list[int], seed: int = 0) -> dict[str, Any] | None:
    """d_rec, d_eps and d_mid at t = 10 ... 90 over synchronised pairs of the sequences `numbers`; None where nothing was diffused.

    One noise is shared by both modalities and by all pairs of a draw, so that differences are the latents' alone.
    """
    diffusion = objective.diffusion
    if diffusion is None or not objective.config.diffusion.phases:
        return None
    random = stream(seed, "trajectory")
    chosen = sorted(random.permutation(numbers)[:MOST_PAIRS].tolist())
    network.eval()
    objective.eval()
    with torch.inference_mode():
        latents = _latents(network, diffusion, store, chosen)
        names = [str(store.rows[n]["person"]) for n in chosen]
        order = {name: number for number, name in enumerate(sorted(set(names)))}
        people = torch.tensor([order[name] for name in names])
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        noise = torch.randn(DRAWS, 1, *latents[CAMERA].shape[1:], generator=generator)
        gaps = _gaps(diffusion, latents, people, noise)
    return {"t": list(SHOWN_STEPS), "gaps": gaps, "pairs": len(chosen), "people": len(order), "note": NOTE}


def _latents(network: Network, diffusion: LatentDiffusion, store: Store, numbers: list[int]) -> dict[str, Tensor]:
    """Clean latents [N, D, K] of both modalities, of maps [N, D, K, W]."""
    parts: dict[str, list[Tensor]] = {name: [] for name in MODALITIES}
    embeddings: dict[str, list[Tensor]] = {name: [] for name in MODALITIES}
    maps: dict[str, list[Tensor]] = {maps_name(name): [] for name in MODALITIES if diffusion.config.latent_from == "maps"}
    network.gives_maps = bool(maps)
    for start in range(0, len(numbers), 32):
        sequences = store.read_many(numbers[start : start + 32], network.modalities)
        for seen, name in network.sides.items():
            images, frames = padded([prepared(seen, sequence.arrays[seen], network.config, sequence.labels.key) for sequence in sequences])
            found, extras = network.part_features(images, frames, name)
            parts[name].append(found.float())
            embeddings[name].append(network.embedding(parts[name][-1], name).float())
            if maps:
                maps[maps_name(name)].append(extras[maps_name(name)])
    return diffusion.latents(Features(*({name: torch.cat(values) for name, values in group.items()} for group in (parts, embeddings, maps))))


def _gaps(diffusion: LatentDiffusion, latents: dict[str, Tensor], people: Tensor, noise: Tensor) -> dict[str, dict[str, list[float]]]:
    """For each quantity the three curves over SHOWN_STEPS, averaged over the draws of noise [draws, 1, D, K]."""
    different = people[:, None] != people[None]
    curves: dict[str, dict[str, list[float]]] = {name: {"gap": [], "between_people": []} for name in ("recovered", "noise", "bottleneck")}
    for step in SHOWN_STEPS:
        t = torch.full((len(people),), step)
        abar_t = trajectory.level(trajectory.signal_levels(diffusion.config.schedule), t, noise.ndim - 2)
        sums = {name: [0.0, 0.0] for name in curves}
        for eps in noise:
            z_t = {m: trajectory.diffuse(latents[m], eps, abar_t) for m in MODALITIES}
            _, z0hat, epshat, mid = diffusion.denoised(z_t, t, abar_t)
            for name, value in (("recovered", z0hat), ("noise", epshat), ("bottleneck", mid)):
                distances = torch.cdist(value[CAMERA].flatten(1), value[LIDAR].flatten(1))
                sums[name][0] += float(distances.diagonal().mean()) / len(noise)
                sums[name][1] += float(distances[different].mean()) / len(noise)
        for name, (gap, between) in sums.items():
            curves[name]["gap"].append(gap)
            curves[name]["between_people"].append(between)
    return {name: {**curve, "relative": [g / max(b, 1e-12) for g, b in zip(curve["gap"], curve["between_people"], strict=True)]}
            for name, curve in curves.items()}
