"""Files of embeddings under each dataset's protocol: against plain loops, against the toolkit's printed numbers, and what bad files get."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embedding_files as files
import numpy as np
import pytest

from gaitbridge.cli import main
from gaitbridge.data.protocols import load_protocol
from gaitbridge.data.protocols.partition import ProbeSet, read_probe_set
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.scoring.compared import Request
from gaitbridge.evaluation.scoring.document import Deeper, document

PARITY = Path(__file__).parents[3].parent / "shared" / "parity"
VIEWS = ("000", "045", "090-far")
KINDS = ("euclidean", "cosine")


def scored(path: Path, protocol: str, kind: Any = "euclidean", rounding: str = "exact", more: Deeper | None = None, **asked: Any) -> dict[str, Any]:
    file, request = read_any(path), Request(load_protocol(protocol), kind, **asked)
    return document(file, request, rounding, more)


def cells(
    made: files.Arrays, kind: str, is_probe: Callable[[str], bool], is_gallery: Callable[[str], bool], rank: int
) -> dict[tuple[str, str], float]:
    """Rank-k in % of each pair of different views, of the probes that have a mate there, by loops."""
    found: dict[tuple[str, str], float] = {}
    for p in sorted(set(made["views"])):
        for g in sorted(set(made["views"]) - {p}):
            gallery = [i for i in range(len(made["views"])) if made["views"][i] == g and is_gallery(made["types"][i])]
            probes = [i for i in range(len(made["views"])) if made["views"][i] == p and is_probe(made["types"][i])]
            ranks = [files.plain_ranks(made, i, gallery, kind) for i in probes]
            hits = [places[0] <= rank for places in ranks if places]
            if hits:
                found[p, g] = 100.0 * float(np.mean(hits))
    return found


def mean_of_cells(found: dict[tuple[str, str], float], decimals: int | None = None) -> float:
    rounded = {pair: value if decimals is None else round(value, decimals) for pair, value in found.items()}
    return float(np.mean([np.mean([value for (p, _), value in rounded.items() if p == view]) for view in sorted({p for p, _ in rounded})]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drop", [0.0, 0.1])
def test_view_pairs_are_those_of_plain_loops(kind: str, drop: float, tmp_path: Path) -> None:
    made = files.arrays(files.SUSTECH1K, VIEWS, drop=drop)
    found = scored(files.write(tmp_path / "a.npz", **made), "sustech1k", kind)
    parts = {"Normal": ("01-nm",), "Umberalla": ("ub",), "Night": ("nt",), "Overall": ("01", "02", "03", "04")}
    for name, words in parts.items():
        for rank in (1, 3):
            kinds = {str(one) for one in made["types"] if any(word in one for word in words)}
            wanted = cells(made, kind, kinds.__contains__, lambda text: "00-nm" in text, rank)
            assert found["exact"][f"{name}@R{rank}"] == pytest.approx(mean_of_cells(wanted))


@pytest.mark.parametrize("kind", KINDS)
def test_published_cells_are_rounded_to_two_decimals(kind: str, tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS, people=6)
    found = scored(files.write(tmp_path / "a.npz", **made), "casia_b", kind, "published")
    wanted = cells(made, kind, lambda text: text in ("bg-01", "bg-02"), lambda text: text in ("nm-01", "nm-02", "nm-03", "nm-04"), 1)
    assert found["metrics"]["BG@R1"] == pytest.approx(mean_of_cells(wanted, 2), abs=1e-4)
    assert found["exact"]["BG@R1"] == pytest.approx(mean_of_cells(wanted), abs=1e-9)
    assert found["counts"] == {
        "sequences": 180, "probes": 108, "probes_without_mate": 0, "gallery": 72, "people": 6,
        "parts": {name: {"probes": 36, "probes_without_mate": 0, "gallery": 72} for name in ("NM", "BG", "CL")},
    }  # fmt: skip


def test_like_sensors_are_compared_across_two_files(tmp_path: Path) -> None:
    kinds = ("NM-01", "NM-02", "BG-01", "CL-01")
    one, other = (files.arrays(kinds, VIEWS, people=8, noise=noise) for noise in (2.0, 1.2))  # of the same walks, as two cameras saw them
    joined = {name: np.concatenate([one[name], other[name]]) for name in one}
    is_gallery = np.arange(len(joined["types"])) >= len(one["types"])
    joined["types"] = np.where(is_gallery, np.char.add("in the gallery's file: ", joined["types"]), joined["types"])
    wanted = cells(joined, "euclidean", lambda text: text == "BG-01", lambda text: text == "in the gallery's file: NM-01", 1)
    camera = np.full(len(one["types"]), "camera")
    paths = [files.write(tmp_path / f"{number}.npz", **{**made, "modalities": camera}) for number, made in enumerate((one, other))]
    found = scored(paths[0], "mmgait", gallery=read_any(paths[1]))
    assert found["exact"]["BG@R1"] == pytest.approx(mean_of_cells(wanted))
    assert (found["probe_modality"], found["gallery_modality"], found["gallery_file"]) == ("camera", "camera", str(paths[1]))
    assert found["exact"]["BG@R1"] != scored(paths[0], "mmgait")["exact"]["BG@R1"]


def test_a_cross_view_gallery_leaves_out_the_own_person_at_that_view(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS)
    found = scored(files.write(tmp_path / "a.npz", **made), "casia_b_cross_view")
    gallery = [i for i, kind in enumerate(made["types"]) if kind in ("nm-02", "bg-02", "cl-02")]
    hits: dict[str, list[bool]] = {}
    precision: dict[str, list[float]] = {}
    for probe in np.flatnonzero(made["types"] == "cl-01"):
        view, person = made["views"][probe], made["labels"][probe]
        allowed = [g for g in gallery if not (made["views"][g] == view and made["labels"][g] == person)]
        places = files.plain_ranks(made, int(probe), allowed, "euclidean")
        hits.setdefault(view, []).append(places[0] == 1)
        precision.setdefault(view, []).append(float(np.mean([n / place for n, place in enumerate(places, start=1)])))
    assert found["exact"]["CL-Rank@1"] == pytest.approx(100 * np.mean([np.mean(of) for of in hits.values()]))
    assert found["exact"]["CL-mAP"] == pytest.approx(100 * np.mean([np.mean(of) for of in precision.values()]))


def test_ccpg_has_a_gallery_for_each_part_and_cameras_for_views(tmp_path: Path) -> None:
    made = files.arrays(files.CCPG, ("01_1", "01_2", "07_1"))
    found = scored(files.write(tmp_path / "a.npz", **made), "ccpg")
    camera = np.asarray([view.split("_")[0] for view in made["views"]])
    for name, probes, gallery in (("UP", ("U3_D3",), ("U0_D3",)), ("CL", ("U0_D0_BG", "U0_D0"), ("U1_D1", "U2_D2", "U3_D3"))):
        first, penalty = [], []
        for probe in np.flatnonzero(np.isin(made["types"], probes)):
            same = (made["labels"] == made["labels"][probe]) & (camera == camera[probe])
            places = files.plain_ranks(made, int(probe), np.flatnonzero(np.isin(made["types"], gallery) & ~same).tolist(), "euclidean")
            first.append(places[0] == 1)
            penalty.append(len(places) / places[-1])
        assert found["exact"][f"{name}@R1"] == pytest.approx(100 * np.mean(first))
        assert found["exact"][f"{name}@mINP"] == pytest.approx(100 * np.mean(penalty))
    assert found["counts"]["parts"]["UP"] == {"probes": 21, "probes_without_mate": 0, "gallery": 21}


def test_probes_of_a_partition(tmp_path: Path) -> None:
    made = files.arrays(("camid0_videoid2", "camid1_videoid0"), ("seq0", "seq1"))
    keys = ["-".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)]
    alone = [key for key in keys if key.startswith("0003-")]  # all of this person's are probes: no mate is left
    chosen = [key for key in keys if key.endswith("camid0_videoid2-seq1")]
    partition = tmp_path / "Gait3D.json"
    partition.write_text(json.dumps({"TRAIN_SET": ["0006"], "TEST_SET": [f"000{n}" for n in range(6)], "PROBE_SET": [*alone, *chosen]}))
    found = scored(files.write(tmp_path / "a.npz", **made), "gait3d", partition=read_probe_set(partition))
    probes = [i for i, key in enumerate(keys) if key in {*alone, *chosen} and not key.startswith("0006")]
    gallery = [i for i, key in enumerate(keys) if key not in {*alone, *chosen} and not key.startswith("0006")]
    places = [files.plain_ranks(made, i, gallery, "euclidean") for i in probes]
    assert found["exact"]["Rank-1"] == pytest.approx(100 * np.mean([of[0] == 1 for of in places if of]))
    assert (found["counts"]["probes"], found["counts"]["probes_without_mate"], found["counts"]["gallery"]) == (9, 4, 15)
    assert any("4 sequences of people who are not in TEST_SET" in note for note in found["notes"])


def test_without_a_partition_views_say_who_is_gallery(tmp_path: Path) -> None:
    made = files.arrays(("camid0_videoid2",), ("seq0", "seq0_g1", "seq0_g2"))
    found = scored(files.write(tmp_path / "a.npz", **made), "gait3d")
    assert (found["counts"]["probes"], found["counts"]["gallery"]) == (7, 14)
    made["views"] = np.char.replace(made["views"], "_g", "_x")
    with pytest.raises(UserError, match="--partition"):
        scored(files.write(tmp_path / "b.npz", **made), "gait3d")


def test_grew_counts_a_probe_without_a_mate_as_a_miss_where_published(tmp_path: Path) -> None:
    made = files.arrays(("01", "02"), ("a",), people=30, noise=0.1)
    made["labels"] = np.where((made["types"] == "01") & (made["labels"] == "0004"), "9999", made["labels"])
    found = scored(files.write(tmp_path / "a.npz", **made), "grew", rounding="published")
    assert (found["metrics"]["Rank-1"], found["exact"]["Rank-1"]) == (96.67, 100.0)
    assert found["counts"]["probes_without_mate"] == 1


def test_both_directions_across_sensors_of_one_file_and_one_of_two_files(tmp_path: Path) -> None:
    camera, lidar = files.arrays(files.SUSTECH1K, VIEWS), files.arrays(files.SUSTECH1K, VIEWS, noise=2.5)
    both = {name: np.concatenate([camera[name], lidar[name]]) for name in camera}
    both["modalities"] = np.repeat(["camera", "range_views"], len(camera["labels"]))
    one = scored(files.write(tmp_path / "both.npz", **both), "sustech1k_cross_modal")
    apart = [files.write(tmp_path / f"{name}.npz", **made) for name, made in (("camera", camera), ("lidar", lidar))]
    two = scored(apart[0], "sustech1k_cross_modal", gallery=read_any(apart[1]))
    assert one["exact"]["camera-lidar Overall@R1"] == two["exact"]["Overall@R1"] != one["exact"]["lidar-camera Overall@R1"]
    assert (one["probe_modality"], one["gallery_modality"]) == (["camera", "lidar"], ["lidar", "camera"])
    assert one["counts"]["camera-lidar"]["gallery"] == 21
    alone = scored(tmp_path / "both.npz", "sustech1k", probe_modality="lidar", gallery_modality="lidar")
    assert alone["exact"] == scored(apart[1], "sustech1k")["exact"]
    kinds, wanted = {"camera": camera, "lidar": lidar}, []
    for p in VIEWS:  # the probe's embedding of the camera against the LiDAR's gallery
        mixed = {name: np.concatenate([kinds["camera"][name], kinds["lidar"][name]]) for name in camera}
        half = len(camera["labels"])
        for g in VIEWS:
            gallery = [half + i for i in range(half) if lidar["views"][i] == g and lidar["types"][i] == "00-nm"]
            probes = [i for i in range(half) if camera["views"][i] == p and camera["types"][i] == "01-nm"]
            if p != g:
                wanted.append(np.mean([files.plain_ranks(mixed, i, gallery, "euclidean")[0] == 1 for i in probes]))
    assert two["exact"]["Normal@R1"] == pytest.approx(100 * np.mean(wanted))


def test_missing_cells_are_skipped_across_sensors_and_void_the_toolkits_number_within_one(tmp_path: Path) -> None:
    made = files.arrays(files.SUSTECH1K, VIEWS, people=6)
    kept = ~((made["views"] == "045") & (made["types"] == "01-nm"))  # no probe of Normal at 045
    fewer = {name: array[kept] for name, array in made.items()}
    within = scored(files.write(tmp_path / "a.npz", **fewer), "sustech1k", rounding="published")
    assert within["metrics"]["Normal@R1"] is None
    assert within["exact"]["Normal@R1"] is not None
    assert within["metrics"]["Bag@R1"] is not None
    across = scored(tmp_path / "a.npz", "sustech1k_cross_modal", rounding="published", gallery=read_any(tmp_path / "a.npz"))
    assert across["metrics"]["Normal@R1"] == pytest.approx(within["exact"]["Normal@R1"], abs=0.01)
    few = {name: array[np.char.less_equal(made["labels"], "0003")] for name, array in made.items()}
    four = scored(files.write(tmp_path / "four.npz", **few), "sustech1k", rounding="published")
    assert set(four["metrics"].values()) == {None}
    assert any("need 5 gallery sequences of every view, one view has 4" in note for note in four["notes"])


def test_our_own_files_are_read_by_their_keys(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS)
    field = scored(files.write(tmp_path / "a.npz", **made), "casia_b")
    keys = np.asarray(["/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)])
    about = json.dumps({"modality": "silhouettes", "distance": "euclidean", "weights_hash": "w", "data_hash": ""})
    ours = scored(files.write(tmp_path / "b.npz", values=made["embeddings"], keys=keys, provenance=np.asarray(about)), "casia_b")
    assert ours["exact"] == field["exact"]
    assert ours["probe_modality"] == "camera"


def test_a_document_has_what_was_asked_for(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS)
    found = scored(files.write(tmp_path / "a.npz", **made), "casia_b", more=Deeper(intervals=True, verification=True, cells=True, open_set=True))
    assert found["open_set"][""]["people"] == found["counts"]["people"]
    from gaitbridge.report.table_text import score_tables

    assert any("Open-set" in table.title for table in score_tables(found))
    for name, value in found["exact"].items():
        low, high = found["intervals"][name]
        assert low <= value <= high
    assert found["verification"][""]["genuine_pairs"] == 7 * 18 * 8  # identical views left out
    table = np.asarray(found["cells"][""]["NM"]["rank-1"])
    others = ~np.eye(3, dtype=bool)
    assert found["exact"]["NM@R1"] == pytest.approx(table[others].mean())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


EXPECTED = {"SUSTech1K/evaluate_indoor_dataset": "sustech1k", "CASIA-B/evaluate_indoor_dataset": "casia_b", "Gait3D/evaluate_Gait3D": "gait3d"}


@pytest.mark.parametrize("case", EXPECTED)
@pytest.mark.parametrize("kind", ["euc", "cos"])
def test_the_toolkits_printed_numbers_to_every_digit(case: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = PARITY / f"eval_{case.replace('/', '_')}.npz"
    if not file.is_file():
        pytest.skip(f"no parity cases: {file.name} is not in a folder shared/parity beside the repository")
    distance = {"euc": "euclidean", "cos": "cosine"}[kind]
    assert main(["score", str(file), "--protocol", EXPECTED[case], "--distance", distance, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    wanted = json.loads((PARITY / "expected_metrics.json").read_text())[f"{case}/{kind}"]
    assert {name: found["metrics"][name] for name in wanted} == wanted
    for name, value in wanted.items():
        assert found["exact"][name] == pytest.approx(value, abs=0.006)


def without(name: str) -> Callable[[files.Arrays], files.Arrays]:
    return lambda made: {key: array for key, array in made.items() if key != name}


def nan_in_row_4(made: files.Arrays) -> files.Arrays:
    made["embeddings"][4, 1, 1] = np.nan
    return made


BAD: dict[str, tuple[Callable[[files.Arrays], files.Arrays], str]] = {
    "missing": (without("types"), r"no array 'types'"),
    "flat": (lambda made: made | {"embeddings": made["embeddings"][:, :, 0]}, r"not \[n, C, K\]"),
    "whole": (lambda made: made | {"embeddings": made["embeddings"].astype(int)}, "not real numbers"),
    "empty": (lambda made: {name: array[:0] for name, array in made.items()}, "no sequence"),
    "short": (lambda made: made | {"views": made["views"][:-1]}, r"views are \[209\], but there are 210 embeddings"),
    "real labels": (lambda made: made | {"labels": np.arange(210.0)}, "labels are float64; write them as text"),
    "modality": (lambda made: made | {"modalities": np.full(210, "radar")}, "unknown modality 'radar'"),
    "nan": (nan_in_row_4, r"row 4 \(0000/nm-02/045\) is not finite"),
    "no probe": (lambda made: {name: array[made["types"] == "nm-01"] for name, array in made.items()}, "finds no probe"),
    "no gallery": (lambda made: {name: array[~np.char.startswith(made["types"], "nm")] for name, array in made.items()}, "finds no gallery"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_line_with_the_path(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, words = BAD[name]
    path = files.write(tmp_path / "bad.npz", **spoil(files.arrays(files.CASIA_B, VIEWS)))
    assert main(["score", str(path), "--protocol", "casia_b"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "bad.npz" in said
    with pytest.raises(UserError, match=words):
        scored(path, "casia_b")


def test_other_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = files.arrays(files.CASIA_B, VIEWS)
    path = files.write(tmp_path / "a.npz", **made)
    (tmp_path / "damaged.npz").write_bytes(path.read_bytes()[:300])
    (tmp_path / "words.npz").write_text("{}")
    (tmp_path / "folder.npz").mkdir()
    cases = {
        ("a.npz", "--protocol", "casia-b"): "did you mean 'casia_b'",
        ("a.npz", "--protocol", "sustech1k"): "finds no gallery",
        ("a.npz", "--protocol", "sustech1k_cross_modal"): "array `modalities`",
        ("a.npz", "--protocol", "gait3d"): "--partition",
        ("a.npz", "--protocol", "casia_b", "--probe-modality", "lidar"): "no lidar for the probe",
        ("a.npz", "--protocol", "gait3d", "--partition", "none.json"): "none.json is missing",
        ("none.npz", "--protocol", "casia_b"): "none.npz is missing",
        ("damaged.npz", "--protocol", "casia_b"): "damaged.npz is no .npz of plain arrays",
        ("words.npz", "--protocol", "casia_b"): "words.npz is no .npz of plain arrays, or damaged (it is no .npz)",
        ("folder.npz", "--protocol", "casia_b"): "folder.npz is a folder; give a file of embeddings",
    }
    for words, wanted in cases.items():
        placed = [str(tmp_path / word) if word.endswith((".npz", ".json")) else word for word in words]
        assert main(["score", *placed]) == 2, words
        assert wanted in capsys.readouterr().err
    np.savez(tmp_path / "objects.npz", **(made | {"labels": made["labels"].astype(object)}))  # a pickle inside: never read
    assert main(["score", str(tmp_path / "objects.npz"), "--protocol", "casia_b"]) == 2
    assert "pickle" not in capsys.readouterr().err  # NumPy's advice, to read it all the same, is none
    with pytest.raises(UserError, match=r"none of its 1 probes.*give the partition of this dataset"):
        scored(path, "gait3d", partition=ProbeSet(Path("p.json"), frozenset({"9-a-b"})))


def test_numbers_as_labels_are_text(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS)
    plain = scored(files.write(tmp_path / "a.npz", **made), "casia_b")
    counted = scored(files.write(tmp_path / "b.npz", **(made | {"labels": made["labels"].astype(int)})), "casia_b")
    assert counted["exact"] == plain["exact"]


@pytest.mark.parametrize("protocol", ["casia_b", "sustech1k", "oumvlp"])
def test_one_view_has_no_number_and_it_is_said_why(protocol: str, tmp_path: Path) -> None:
    types = {"casia_b": files.CASIA_B, "sustech1k": files.SUSTECH1K, "oumvlp": ("00", "01")}[protocol]
    made = scored(files.write(tmp_path / "one.npz", **files.arrays(types, ("090",))), protocol)
    missing = [name for name, value in made["metrics"].items() if value is None]
    assert missing
    assert all(any(note.startswith(name.split("@")[0]) or ":" not in note for note in made["notes"]) for name in missing)
    assert all("one view alone" in note or "no probe has a mate" in note or "of every view" in note for note in made["notes"])
