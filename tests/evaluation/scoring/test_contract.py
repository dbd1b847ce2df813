"""One number a protocol: `evaluate`, `score`, `compare`, the curves and the tables say the same, to the digit, whatever the protocol."""

import json
from pathlib import Path
from typing import Any

import embedding_files as files
import numpy as np
import pytest
from fake_store import blobs, evaluated, write_sides

from gaitbridge.cli import main
from gaitbridge.data.protocols import BUILT_IN, PROTOCOLS, own_protocol
from gaitbridge.evaluation.comparing.paired import compare_files, compare_runs
from gaitbridge.evaluation.results import ResultRow, find_row, read_rows
from gaitbridge.evaluation.scoring.curves import cmc_curves
from gaitbridge.evaluation.scoring.published import printed_name
from gaitbridge.evaluation.scoring.rows import rows_of, sides_of, write_evaluation
from gaitbridge.report.result_tables import condition_tables, main_table, markdown_tables, open_set_tables, paired_table
from gaitbridge.report.tables import number
from gaitbridge.report.wording import note
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Embeddings, Labels, Sequence

PARITY = Path(__file__).parents[3].parent / "shared" / "parity"
VIEWS = ("000", "045", "090-far")
OURS = ("normal-0", "normal-1", "bag-0")
LAYOUTS = {
    "casia_b": (files.CASIA_B, VIEWS), "casia_b_cross_view": (files.CASIA_B, VIEWS), "oumvlp": (("00", "01"), VIEWS),
    "sustech1k": (files.SUSTECH1K, VIEWS), "sustech1k_cross_modal": (files.SUSTECH1K, VIEWS), "grew": (("01", "02"), ("a",)),
    "gait3d": (("camid0_videoid2",), ("seq0", "seq1")), "freegait": (("devid_3",), ("seq0", "seq1")),
    "freegait_cross_modal": (("devid_3",), ("seq0", "seq1")), "ccpg": (files.CCPG, ("01_1", "01_2", "07_1")),
    "casia_e": (("H-scene1-nm-1", "H-scene2-nm-1", "L-scene3-bg-2", "H-scene3_s-cl-1"), VIEWS), "ccgr": (("NM1", "NM2", "BGHV1"), VIEWS),
    "ccgr_hard": (("NM1", "NM2", "BGHV1"), VIEWS), "ccgr_mini": (("NM1",), ("seq0", "seq1")), "mmgait": (("NM-01", "NM-02", "BG-01", "CL-01"), VIEWS),
    "mmgait_cross_modal": (("NM-01", "NM-02", "BG-01", "CL-01"), VIEWS),
    "simulated": (OURS, VIEWS), "simulated-2": (OURS, VIEWS), "real-motion": (OURS, VIEWS),
}  # fmt: skip
LEFT_OUT = {
    "casia_b": "over gallery views first", "casia_b_cross_view": "the probe's own person at the same view", "oumvlp": "over gallery views first",
    "sustech1k": "over gallery views first", "sustech1k_cross_modal": "over gallery views first", "grew": "Left out of the gallery: nothing.",
    "gait3d": "Left out of the gallery: nothing.", "freegait": "Left out of the gallery: nothing.",
    "freegait_cross_modal": "Left out of the gallery: nothing.", "ccpg": "the probe's own person at the same camera (the view up to _)",
    "casia_e": "over gallery views first", "ccgr": "over gallery views first", "ccgr_hard": "over gallery views first",
    "ccgr_mini": "Left out of the gallery: nothing.",
    "mmgait": "over gallery views first", "mmgait_cross_modal": "over gallery views first",
    "simulated": "gallery sequences of the probe's own view angle are left out", "real-motion": "gallery sequences of the probe's own view angle",
    "simulated-2": "gallery sequences of the probe's own view angle are left out",
}  # fmt: skip


def store_of(path: Path, made: files.Arrays, about: dict[str, Any]) -> Store:
    """A store of walks with the keys of a file of embeddings."""
    sequences = []
    for person, kind, view in zip(made["labels"], made["types"], made["views"], strict=True):
        condition, take = kind.rsplit("-", 1) if kind in OURS else ("", "0")
        sequences.append(Sequence(Labels(f"{person}/{kind}/{view}", person, "test", condition, int(take), view, np.nan, np.nan), blobs(0, "000", 2)))
    write_shard(path, "all", sequences)
    finish_store(path, ["all"], about)
    return Store(path)


@pytest.fixture(params=LAYOUTS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Store, list[Path]]:
    """A protocol, a store in its layout, and two folders with files of embeddings of it."""
    name = request.param
    made = files.arrays(*LAYOUTS[name], people=8, drop=0.06)
    keys = ["/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)]
    dataset = name.removesuffix("_cross_modal").removesuffix("_cross_view")
    kind = {"simulated": "simulated", "simulated-2": "simulated", "real-motion": "captured"}.get(name, "imported")
    config = {"night_people": 0.5 if name == "simulated-2" else 0.0}
    about = {"kind": kind, "dataset": dataset, "config": config, "probe_set": [key for key in keys if key.endswith("seq0")]}
    store, folders = store_of(tmp_path / "store", made, about), []
    for run, noise in (("a", 2.5), ("b", 1.5)):
        values = [files.arrays(*LAYOUTS[name], people=8, drop=0.06, noise=noise + more)["embeddings"] for more in (0.0, 0.4)]
        sides = [Embeddings(value, "euclidean", modality, run, tuple(keys))
                 for value, modality in zip(values, ("silhouettes", "range_views"), strict=True)]  # fmt: skip
        folders.append(write_sides(tmp_path / run, store, *sides))
    return name, store, folders


def of_folder(folder: Path, store: Store, protocol: str) -> list[ResultRow]:
    return rows_of(sides_of(folder, store, PROTOCOLS[protocol]), 0, store.content_hash)


def test_every_protocol_is_here() -> None:
    assert set(LAYOUTS) == set(LEFT_OUT) == set(BUILT_IN)


def test_evaluate_score_compare_curves_and_tables_give_one_number(case: tuple[str, Store, list[Path]], capsys: pytest.CaptureFixture[str]) -> None:
    name, store, (a, b) = case
    protocol = PROTOCOLS[name]
    rows = of_folder(a, store, name)
    pairs = [("camera", "lidar"), ("lidar", "camera")] if protocol.crossed else [("camera", "camera")]
    sides = [one for one in sides_of(a, store, protocol) if (one.probe_modality, one.gallery_modality) in pairs]
    paired = compare_runs([a], [b], store, name)
    curves = cmc_curves(sides)["curves"]
    table = main_table(rows)
    counted = 0
    for probe, gallery in pairs:
        files_of = [a / {"camera": "silhouettes.npz", "lidar": "range_views.npz"}[side] for side in (probe, gallery)]
        words = ["score", str(files_of[0]), "--protocol", name, "--json", *(["--gallery", str(files_of[1])] if probe != gallery else [])]
        assert main(words) == 0
        scored = json.loads(capsys.readouterr().out)
        for one in (side for side in sides if (side.probe_modality, side.gallery_modality) == (probe, gallery)):
            parts = {part.name: part for part in one.protocol.parts}
            for condition in list(parts) or ["all"]:
                for metric in dict.fromkeys(row.metric for row in rows):
                    exact = scored["exact"].get(printed_name(one, parts.get(condition), metric))
                    if exact is None or "pooled" in metric or "cell mean" in metric:
                        continue
                    row = find_row(rows, metric, probe, gallery, condition=condition)
                    assert row is not None
                    assert row.value == exact, (metric, condition)  # to the last digit
                    assert row.low is not None
                    assert row.high is not None
                    assert row.low <= exact <= row.high
                    other = next(pair for pair in paired if (pair.metric, pair.probe_modality, pair.gallery_modality, pair.condition, pair.views)
                                 == (metric, probe, gallery, condition, "excluded"))  # fmt: skip
                    assert other.a == pytest.approx(exact, rel=1e-12)
                    counted += 1
                first = find_row(rows, "rank-1", probe, gallery, condition=condition)
                assert first is not None
                if condition not in protocol.heads:
                    continue
                wanted = {"probe_modality": probe, "gallery_modality": gallery, "condition": condition, "views": "excluded"}
                of = [curve["values"][0] for curve in curves if wanted.items() <= curve.items()]
                assert of == [first.value]
                assert any(number(first, True) in line for line in table.lines)
    assert counted >= sum(len(one.protocol.parts) or 1 for one in sides) * len(protocol.ranks)
    assert all("–" not in line for line in table.lines)  # no row of dashes
    assert all(cell for line in table.lines + paired_table(paired).lines for cell in line)  # and none without a name
    assert LEFT_OUT[name] in note(rows)


def test_open_set_rows_are_what_score_gives_and_disturb_no_other(case: tuple[str, Store, list[Path]], capsys: pytest.CaptureFixture[str],
                                                                 monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("gaitbridge.evaluation.scoring.open_set.LEAST_SEARCHES", 0.5)  # so few people can state some rates
    monkeypatch.setattr("gaitbridge.evaluation.scoring.open_set.DRAWS", 20)
    name, store, (a, _) = case
    before = of_folder(a, store, name)
    rows = write_evaluation(a, store, name, 0, tmp_path / "out", open_set=True)
    assert rows == read_rows(tmp_path / "out" / "results.json")
    assert [row for row in rows if not row.is_open_set] == before
    found = [row for row in rows if row.is_open_set]
    pairs = list(dict.fromkeys((row.probe_modality, row.gallery_modality) for row in found))
    stated = 0
    for probe, gallery in pairs:
        files_of = [a / {"camera": "silhouettes.npz", "lidar": "range_views.npz"}[side] for side in (probe, gallery)]
        other = ["--gallery", str(files_of[1])] if probe != gallery else []
        assert main(["score", str(files_of[0]), "--protocol", name, "--open-set", "--json", *other]) == 0
        scored = json.loads(capsys.readouterr().out)["open_set"][""]
        for part, one in ({"all": scored} if "intervals" in scored else scored).items():
            for rate, percent in (("0.1", "10"), ("0.01", "1"), ("0.001", "0.1")):
                row = find_row(found, f"FNIR at FPIR {percent} %", probe, gallery, condition=part)
                assert row is not None
                assert row.value == one[f"FNIR@FPIR={rate}"]  # to the last digit
                assert [row.low, row.high] == (one["intervals"][f"FNIR@FPIR={rate}"] or [None, None])
                assert (row.probes, row.people) == (one["known_searches"], one["people"])
                assert (row.stranger_searches, row.enrolled) == (one["stranger_searches"], one["enrolled"])
                stated += row.value is not None
                found.remove(row)
    assert stated >= len(pairs)
    assert found == []
    assert main_table(rows) == main_table(before)
    assert condition_tables(rows) == condition_tables(before)
    (table,) = open_set_tables(rows)
    assert all(any(number(row, True) in line for line in table.lines) for row in rows if row.is_open_set)
    assert markdown_tables(rows).startswith(markdown_tables(before).rpartition("\n\n")[0])
    assert "FNIR at FPIR: the share of searches by somebody enrolled" in markdown_tables(rows)
    assert open_set_tables(before) == []


def test_files_alone_are_compared_by_the_same_number(case: tuple[str, Store, list[Path]]) -> None:
    name, store, (a, b) = case
    if PROTOCOLS[name].crossed:
        pytest.skip("a file of one sensor")
    by_store = compare_runs([a], [b], store, name)
    alone = compare_files([a / "silhouettes.npz"], [b / "silhouettes.npz"], PROTOCOLS[name])
    wanted = [row for row in by_store if (row.probe_modality, row.gallery_modality) == ("camera", "camera")]
    for one, other in zip(alone, wanted, strict=True):
        assert (one.metric, one.condition, one.a, one.b, one.low, one.p) == (other.metric, other.condition, other.a, other.b, other.low, other.p)


def test_the_store_knows_its_protocol(case: tuple[str, Store, list[Path]]) -> None:
    name, store, _ = case
    assert own_protocol(store.document["about"]) == name.removesuffix("_cross_view").removesuffix("_cross_modal")


def plain_cell_mean(made: files.Arrays, probes: np.ndarray, gallery: np.ndarray) -> float:
    """Rank-1 in % by pairs of different views, by loops."""
    lines = []
    for p in np.unique(made["views"]):
        cells = []
        for g in np.unique(made["views"][made["views"] != p]):
            columns = np.flatnonzero(gallery & (made["views"] == g)).tolist()
            places = [files.plain_ranks(made, int(n), columns, "euclidean") for n in np.flatnonzero(probes & (made["views"] == p))]
            if hits := [of[0] == 1 for of in places if of]:
                cells.append(np.mean(hits))
        if cells:
            lines.append(np.mean(cells))
    return 100 * float(np.mean(lines))


def test_casia_b_is_the_mean_over_pairs_of_views_and_the_pooled_number_stands_beside_it(tmp_path: Path) -> None:
    made = files.arrays(files.CASIA_B, VIEWS, people=8, drop=0.06)
    store = store_of(tmp_path / "store", made, {"kind": "imported", "dataset": "casia_b"})
    keys = tuple("/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True))
    embeddings = Embeddings(made["embeddings"], "euclidean", "silhouettes", "w", keys)
    rows = evaluated(store, embeddings, protocol="casia_b")
    probes, gallery = np.isin(made["types"], ("bg-01", "bg-02")), np.char.startswith(made["types"], "nm-0") & (made["types"] < "nm-05")
    row, beside = (find_row(rows, metric, "camera", "camera", condition="BG") for metric in ("rank-1", "rank-1 pooled"))
    assert row is not None
    assert beside is not None
    assert row.value == pytest.approx(plain_cell_mean(made, probes, gallery))
    hits = [files.plain_ranks(made, int(n), np.flatnonzero(gallery & (made["views"] != made["views"][n])).tolist(), "euclidean")[0] == 1
            for n in np.flatnonzero(probes)]  # fmt: skip
    assert beside.value == pytest.approx(100 * np.mean(hits)) != pytest.approx(row.value)
    assert {row.condition for row in rows} == {"NM", "BG", "CL"}


def plain_ccgr(made: files.Arrays, galleries: list[str], missed: bool) -> float:
    """Rank-1 in % of each gallery covariate, probe covariate and pair of different views, averaged in this order from within, by loops. missed:
    a probe without a mate is a miss, and cells are rounded."""
    kinds, views, of_gallery = np.unique(made["types"]), np.unique(made["views"]), []
    for gallery in galleries:
        of_kind = []
        for kind in kinds[kinds != gallery]:
            cells = []
            for p in views:
                probes = np.flatnonzero((made["types"] == kind) & (made["views"] == p))
                for g in views[views != p]:
                    columns = np.flatnonzero((made["types"] == gallery) & (made["views"] == g)).tolist()
                    places = [files.plain_ranks(made, int(n), columns, "euclidean") for n in probes]
                    hits = [of[:1] == [1] for of in places if of or missed]
                    cells.append(np.round(100 * np.mean(hits), 2) if missed else 100 * np.mean(hits))
            of_kind.append(np.mean(cells))
        of_gallery.append(np.mean(of_kind))
    return float(np.mean(of_gallery))


def test_ccgr_easy_and_hard_are_those_of_plain_loops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ("NM1", "NM2", "BGHV1")
    made = files.arrays(kinds, VIEWS, people=6, noise=2.5)
    gone = (made["types"] == "BGHV1") & (made["labels"] == made["labels"][0]) & (made["views"] == VIEWS[1])  # so counts differ by covariate
    made = {name: array[~gone] for name, array in made.items()}
    store = store_of(tmp_path / "store", made, {"kind": "imported", "dataset": "ccgr"})
    keys = tuple("/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True))
    embeddings = Embeddings(made["embeddings"], "euclidean", "silhouettes", "w", keys)
    wanted = {"ccgr": ["NM1"], "ccgr_hard": list(kinds)}
    file = files.write(tmp_path / "a.npz", **made)
    for protocol, condition, printed in (("ccgr", "all", "Rank-1"), ("ccgr_hard", "hard", "Rank-1 hard")):
        row = find_row(evaluated(store, embeddings, protocol=protocol), "rank-1", "camera", "camera", condition=condition)
        assert row is not None
        assert main(["score", str(file), "--protocol", protocol, "--json", "--intervals"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert row.value == found["exact"][printed] == pytest.approx(plain_ccgr(made, wanted[protocol], missed=False))
        assert found["metrics"][printed] == pytest.approx(plain_ccgr(made, wanted[protocol], missed=True), abs=5e-5)
        assert found["metrics"][printed] != found["exact"][printed]
        low, high = found["intervals"][printed]
        assert low <= found["exact"][printed] <= high
        assert [row.low, row.high] == [low, high]
        assert row.people == 6
        assert 5 < found["exact"][printed] < 95


def test_ccpg_by_cameras_is_that_of_plain_loops_and_has_intervals(tmp_path: Path) -> None:
    made = files.arrays(files.CCPG, ("01_1", "01_2", "07_1", "08_1"), people=6, drop=0.1)
    store = store_of(tmp_path / "store", made, {"kind": "imported", "dataset": "ccpg"})
    keys = tuple("/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True))
    rows = evaluated(store, Embeddings(made["embeddings"], "euclidean", "silhouettes", "w", keys), protocol="ccpg")
    by_camera = made | {"views": np.asarray([view.split("_")[0] for view in made["views"]])}
    row = find_row(rows, "rank-1 by cameras", "camera", "camera", condition="CL")
    assert row is not None
    probes, gallery = np.isin(made["types"], ("U0_D0_BG", "U0_D0")), np.isin(made["types"], ("U1_D1", "U2_D2", "U3_D3"))
    assert row.value == pytest.approx(plain_cell_mean(by_camera, probes, gallery))
    assert None not in (row.low, row.high)
    cells = {(row.probe_view, row.gallery_view) for row in rows if row.probe_view}
    assert cells == {(p, g) for p in ("01", "07", "08") for g in ("01", "07", "08")}  # cameras, and no sequences


@pytest.mark.parametrize("kind", ["euc", "cos"])
def test_ccpg_headline_numbers_are_the_toolkits(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = PARITY / "eval_CCPG_tiny.npz"
    if not file.is_file():
        pytest.skip(f"no parity cases: {file.name} is not in a folder shared/parity beside the repository")
    assert main(["score", str(file), "--protocol", "ccpg", "--distance", {"euc": "euclidean", "cos": "cosine"}[kind], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    for part, wanted in json.loads((PARITY / "eval_CCPG_tiny.json").read_text())[kind].items():
        assert found[part] == pytest.approx(wanted["rank1_cells_identical_excluded"], abs=0.00051)  # printed to three decimals there
        assert found[f"{part}, same camera included"] == pytest.approx(wanted["rank1_cells_identical_included"], abs=0.00051)


def test_one_view_alone_is_said_and_not_silent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = files.write(tmp_path / "a.npz", **files.arrays(files.CASIA_B, ("000",)))
    assert main(["score", str(path), "--protocol", "casia_b"]) == 0
    assert "note: NM: there is one view alone, and the number is a mean over pairs of different ones" in capsys.readouterr().out
    ours = files.write(tmp_path / "b.npz", **files.arrays(OURS, ("000",)))
    assert main(["score", str(ours), "--protocol", "simulated"]) == 0
    assert "no probe has a mate that it is compared with (left out: gallery sequences of the probe's own view)" in capsys.readouterr().out
