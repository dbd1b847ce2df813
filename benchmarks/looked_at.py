"""Are the maps of `gaitbridge look` faithful? Blank the cells of a walk's pictures that were most looked at, and random ones: which costs more?

    python benchmarks/looked_at.py STORE [--run cross-modal] [--walks 8] [--frames 12] [--seed 0]

A cell is 4 x 4 pixels of one frame in which somebody shows; to blank it is to say that nothing was seen there. The cost is what the distance to the
same walk in the other sensor grows by. *random weights*: cells by the map of a network whose weights were drawn anew. The mean over walks, with its
standard error.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import gaitbridge
from gaitbridge.conventions import stream
from gaitbridge.data.preparation import fitted
from gaitbridge.inference.looked_at import looked_at

CELL, SHARES = 4, (0.1, 0.2, 0.4)
OTHER = {"silhouettes": "range_views", "range_views": "silhouettes"}


def in_cells(pictures: np.ndarray) -> np.ndarray:
    """Sums [T, H/4, W/4] of [T, H, W]."""
    frames, height, width = pictures.shape
    summed: np.ndarray = pictures.reshape(frames, height // CELL, CELL, width // CELL, CELL).sum((2, 4))
    return summed


def blanked(modality: str, pictures: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """A copy without the cells bool [T, H/4, W/4]."""
    left = pictures.copy()
    left[cells.repeat(CELL, 1).repeat(CELL, 2)] = 0 if modality == "silhouettes" else np.nan
    return left


def shuffled(model: gaitbridge.Model, seed: int) -> torch.nn.Module:
    """The same network with every weight drawn anew, of the size that it had."""
    network = gaitbridge.load(model.run).network
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.randn_like(weights) * weights.std() if weights.numel() > 1 else weights)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--run", default="cross-modal")
    for name, value in (("walks", 8), ("frames", 12), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    store, model = gaitbridge.Store(given.store), gaitbridge.load(given.run)
    random, anew = stream(given.seed, "faithful"), shuffled(model, given.seed)
    both = [n for n, row in enumerate(store.rows) if row["split"] == "test" and all(row[f"{name}_frames"] >= given.frames for name in OTHER)]
    costs: dict[tuple[str, str, float], list[float]] = {}
    for number in random.choice(both, given.walks, replace=False):
        arrays = {name: fitted(store.read(int(number), [name]).arrays[name], (64, 44), name) for name in OTHER}
        arrays = {name: one[np.linspace(0, len(one) - 1, given.frames).round().astype(int)] for name, one in arrays.items()}
        found = {name: model.embed_stored(**{name: [one]}) for name, one in arrays.items()}
        for name, pictures in arrays.items():
            toward = found[OTHER[name]]
            before = float(np.linalg.norm(found[name].values - toward.values, axis=1).mean())
            there = in_cells((pictures > 0 if name == "silhouettes" else np.isfinite(pictures)).astype(float)) > 0
            share = looked_at(model.network, name, {name: pictures}, toward.values[0])
            maps = {"most looked at": share, "least looked at": -share, "random": random.normal(size=pictures.shape),
                    "random weights": looked_at(anew, name, {name: pictures}, toward.values[0]),
                    "one step": looked_at(model.network, name, {name: pictures}, toward.values[0], 1)}
            for how, values in maps.items():
                order = np.argsort(np.where(there, -in_cells(values), np.inf).ravel())
                for part in SHARES:
                    cells = np.zeros(there.size, bool)
                    cells[order[: round(part * there.sum())]] = True
                    made = model.embed_stored(**{name: [blanked(name, pictures, cells.reshape(there.shape))]})
                    costs.setdefault((name, how, part), []).append(float(np.linalg.norm(made.values - toward.values, axis=1).mean()) - before)
    for (name, how, part), values_of in costs.items():
        error = np.std(values_of, ddof=1) / np.sqrt(len(values_of))
        print(f"{name:12} {how:16} {part:4.0%}  +{np.mean(values_of):.3f} +- {error:.3f}")


if __name__ == "__main__":
    main()
