"""The distance and the metrics mean what the field's standard toolkit means: its printed numbers, from its own embeddings."""

import json
from pathlib import Path

import numpy as np
import pytest

from gaitbridge.evaluation.ranking import matrix
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.types import Distance, Embeddings

PARITY = Path(__file__).parents[3].parent / "shared" / "parity"
KINDS: dict[str, Distance] = {"euc": "euclidean", "cos": "cosine"}
CASIA_B = {"NM": ("nm-05", "nm-06"), "BG": ("bg-01", "bg-02"), "CL": ("cl-01", "cl-02")}
SUSTECH1K = {  # by part of the type; "Umberalla" is the toolkit's spelling
    "Normal": ("01-nm",),
    "Bag": ("bg",),
    "Clothing": ("cl",),
    "Carrying": ("cr",),
    "Umberalla": ("ub",),
    "Uniform": ("uf",),
    "Occlusion": ("oc",),
    "Night": ("nt",),
    "Overall": ("01", "02", "03", "04"),
}


def load(name: str) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float]]]:
    file = PARITY / f"eval_{name}.npz"
    if not file.is_file():
        pytest.skip(f"no parity cases: {file.name} is not in a folder shared/parity beside the repository")
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays), json.loads((PARITY / "expected_metrics.json").read_text())


def distances(case: dict[str, np.ndarray], kind: str, probe: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return matrix.distance(Embeddings(case["embeddings"][probe], KINDS[kind]), Embeddings(case["embeddings"][gallery], KINDS[kind]))


def rounded_cell_mean(case: dict[str, np.ndarray], kind: str, probe: np.ndarray, gallery: np.ndarray) -> float:
    """Rank-1 by (probe view, gallery view), each cell rounded to two decimals as the toolkit does, identical views left out."""
    far, views, people = distances(case, kind, probe, gallery), case["views"], case["labels"]
    by_probe_view = []
    for p in np.unique(views):
        cells = []
        for g in np.unique(views[views != p]):
            rows, columns = views[probe] == p, views[gallery] == g
            ranking = matrix.rank_gallery(far[np.ix_(rows, columns)], people[probe][rows].tolist(), people[gallery][columns].tolist())
            cells.append(np.round(100.0 * (ranking.first == 1).mean(), 2))
        by_probe_view.append(np.mean(cells))
    return float(np.mean(by_probe_view))


@pytest.mark.parametrize("kind", KINDS)
def test_casia_b(kind: str) -> None:
    case, expected = load("CASIA-B_evaluate_indoor_dataset")
    gallery = np.isin(case["types"], ["nm-01", "nm-02", "nm-03", "nm-04"])
    for name, types in CASIA_B.items():
        found = rounded_cell_mean(case, kind, np.isin(case["types"], types), gallery)
        assert found == pytest.approx(expected[f"CASIA-B/evaluate_indoor_dataset/{kind}"][f"{name}@R1"], abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_sustech1k(kind: str) -> None:
    case, expected = load("SUSTech1K_evaluate_indoor_dataset")
    gallery = np.asarray(["00-nm" in kind_of_walk for kind_of_walk in case["types"]])
    for name, parts in SUSTECH1K.items():
        probe = np.asarray([any(part in kind_of_walk for part in parts) for kind_of_walk in case["types"]])
        found = rounded_cell_mean(case, kind, probe, gallery)
        assert found == pytest.approx(expected[f"SUSTech1K/evaluate_indoor_dataset/{kind}"][f"{name}@R1"], abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_gait3d(kind: str) -> None:
    case, expected = load("Gait3D_evaluate_Gait3D")
    probe = np.asarray(["_g" not in view for view in case["views"]])  # in these cases the gallery's sequences end in _g1, _g2
    people = case["labels"]
    ranking = matrix.rank_gallery(distances(case, kind, probe, ~probe), people[probe].tolist(), people[~probe].tolist())
    found = {f"Rank-{rank}": bootstrap.mean_known(ranking.within(rank)) for rank in (1, 5, 10)}
    found |= {"mAP": bootstrap.mean_known(ranking.average_precision), "mINP": bootstrap.mean_known(ranking.inverse_negative_penalty)}
    assert {name: 100 * value for name, value in found.items()} == pytest.approx(expected[f"Gait3D/evaluate_Gait3D/{kind}"], abs=1e-3)
