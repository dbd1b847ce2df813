"""How much longer Mesh-Gait's network takes than the same backbone on silhouettes alone.

    python benchmarks/heatmap_cost.py [--networks tiny paper camera-3d] [--rounds 20] [--every 1 2] [--also NAME=JSON]

Weights drawn at random, a walk of noise (30 frames, 10 of `paper`), one thread; camera-3d: of the sizes of the model that comes along. All networks
take turns in one process; milliseconds of processor time, the least of all rounds and the median, and both as shares of the backbone's. plain: the
network as it is; folded: as `embed` runs it.
every: also the heatmaps of every so many-th frame (network.heatmaps.every), where the branch allows it. --also: other settings of the branch, such as
slim='{"channels": [32, 48]}'. Emulate other processors by ONEDNN_MAX_CPU_ISA=AVX512_CORE (no AMX) or AVX2 with ATEN_CPU_CAPABILITY=avx2.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import json
import statistics
import time
from typing import Any

import torch

from gaitbridge.evaluation.embedding.cost import random_batch
from gaitbridge.inference.loading import load
from gaitbridge.machine import described, keep_freed_memory
from gaitbridge.methods.meshgait.network import Network, NetworkConfig
from gaitbridge.models.folding import folded
from gaitbridge.training.config import recipe

FRAMES = {"tiny": 30, "paper": 10, "camera-3d": 30}


def built(named: str, every: list[int], also: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Networks by name, the backbone first."""
    config = load(named).config.network if named == "camera-3d" else recipe(f"meshgait/{named}").network
    assert isinstance(config, NetworkConfig)
    assert config.heatmaps is not None
    branches: dict[str, Any] = {"silhouettes alone": None, "as it is": config.heatmaps}
    for number in every:
        if number == 1 or not config.heatmaps.context:
            branches[f"every {number}"] = config.heatmaps.model_copy(update={"every": number})
    branches |= {name: config.heatmaps.model_copy(update=changes) for name, changes in also.items()}
    made = {}
    for name, branch in branches.items():
        torch.manual_seed(0)
        made[name] = Network(config.model_copy(update={"heatmaps": branch})).eval()
    return made


def timed(networks: dict[str, Any], batch: Any, rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time by network, one a round."""
    found: dict[str, list[float]] = {name: [] for name in networks}
    with torch.inference_mode():
        for number in range(rounds + 2):
            for name, network in networks.items():
                start = time.thread_time()
                network.embed(batch)
                if number >= 2:
                    found[name].append(time.thread_time() - start)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=FRAMES, default=list(FRAMES))
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=int, nargs="*", default=[])
    parser.add_argument("--also", nargs="*", default=[])
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    emulated = [f"{name}={os.environ[name]}" for name in ("ONEDNN_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY") if name in os.environ]
    print(f"{described()}; emulated: {' '.join(emulated) or 'nothing'}")
    also = {name: json.loads(changes) for name, _, changes in (one.partition("=") for one in given.also)}
    for named in given.networks:
        plain = built(named, given.every, also)
        batch = random_batch("silhouettes", (64, 44), FRAMES[named])
        for way, networks in (("plain", plain), ("folded", {name: folded(network) for name, network in plain.items()})):
            times = timed(networks, batch, given.rounds)
            first = times["silhouettes alone"]
            for name, own in times.items():
                ratios = sorted(a / b for a, b in zip(own, first, strict=True))
                middle, low, high = statistics.median(ratios), ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
                print(f"{named} {way:7} {name:18} least {1000 * min(own):7.2f} ms ({min(own) / min(first):.2f}), median "
                      f"{1000 * statistics.median(own):7.2f} ms, ratio {middle:.2f} ({low:.2f} to {high:.2f})", flush=True)


if __name__ == "__main__":
    main()
