"""Draws `docs/scale_search.svg`, measured points on the curves of docs/scale.md: `python docs/figures/scale.py`."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

HERE = Path(__file__).parent
BATCH = ", a hundred questions at once"
EARLIER = [(20_000, 4096, 43.0, 12.0), (100_000, 4096, 172.0, 23.0)]  # docs/gallery_places.md: templates, numbers, ms exact, ms by the index


def exact_s(templates: np.ndarray, numbers: int) -> np.ndarray:
    """Core-seconds a question, every template compared: a question alone, or (of 512 numbers) a hundred at once."""
    return np.asarray(4.0 * templates * numbers / (2.6e10 if numbers == 512 else 9.5e9))


def index_s(templates: np.ndarray, numbers: int) -> np.ndarray:
    """Core-seconds a question, through the index."""
    cells, blocks = np.clip(templates // 500, 1, 1024), templates / 4096
    read = 0.0095 + 0.00024 * blocks * -np.expm1(-200 / blocks)  # of 200 rows' words: blocks of some 4,096 rows, as far as the measured times tell
    return np.asarray(read + np.minimum(1.0, 0.2 + 4 / cells) * templates * numbers / 8 / 1e9)


def main() -> None:
    """Draw it."""
    templates = np.geomspace(3e3, 1e9, 200)
    points = [json.loads(line) for line in (HERE / "scale.jsonl").read_text(encoding="utf-8").splitlines()]
    measured = EARLIER + [(one["templates"], one["dimension"], one["exact_query_ms"], one["index_query_ms"][0]) for one in points]
    figure, axes = plt.subplots(figsize=(7.5, 4.5))
    for numbers, colour in ((512, "#00796b"), (2048, "#455a64"), (4096, "#e65100")):
        axes.loglog(templates, exact_s(templates, numbers), color=colour, label=f"exact, {numbers:,} numbers{BATCH if numbers == 512 else ''}")
        axes.loglog(templates, index_s(templates, numbers), color=colour, linestyle="--", label=f"index, {numbers:,} numbers")
        own = [one for one in measured if one[1] == numbers]
        axes.plot([one[0] for one in own], [one[2] / 1e3 for one in own], "o", color=colour)
        axes.plot([one[0] for one in own], [one[3] / 1e3 for one in own], "s", color=colour, fillstyle="none")
    axes.set(xlabel="templates", ylabel="core-seconds a question", title="Curves: the formulas. Dots and squares: measured, exact and by the index")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(HERE.parent / "scale_search.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
