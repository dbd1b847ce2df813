"""The table of a comparison: its numbers are the rows' numbers, and none is cut."""

import io
from pathlib import Path

import pytest
from fake_store import knowing_embeddings, make_store
from rich.console import Console

from gaitbridge.evaluation.comparing.paired import PairedRow, compare_runs
from gaitbridge.evaluation.embedding.from_store import write_embeddings
from gaitbridge.report.result_tables import paired_table, print_paired


def compared(folder: Path, people: int, views: tuple[str, ...] = ("000", "090")) -> list[PairedRow]:
    store = make_store(folder / "store", people=people, views=views)
    for run, noise in (("a", 3.0), ("b", 1.0)):
        for modality in ("silhouettes", "range_views"):
            about = {"data_hash": store.content_hash}
            write_embeddings(knowing_embeddings(store, modality, noise, weights_hash=run), folder / run / "evaluation" / f"{modality}.npz", about)
    return compare_runs([folder / "a", folder / "a"], [folder / "b"], store)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[PairedRow]:
    return compared(tmp_path_factory.mktemp("paired"), 12)


def test_the_table_holds_all_metrics_and_rank1_by_condition(rows: list[PairedRow]) -> None:
    table = paired_table(rows)
    assert table.title == "Protocol simulated, the same probes, other views; a of 2, b of 1 runs"
    assert [line[2:4] for line in table.lines[:5]] == [("all", "rank-1"), ("all", "mAP"), ("all", "mINP"), ("bag", "rank-1"), ("normal", "rank-1")]
    assert len(table.lines) == 4 * 5
    row, line = rows[0], dict(zip(table.header, table.lines[0], strict=True))
    assert (row.metric, row.condition, row.views) == ("rank-1", "all", "excluded")
    assert (line["a"], line["b"]) == (f"{row.a:.1f}", f"{row.b:.1f}")
    assert line["b - a"] == f"{row.difference:+.1f} [{row.low:+.1f}, {row.high:+.1f}]"
    assert line["b - a"].startswith("+")
    assert (line["probe"], line["gallery"], line["probes"], line["people"]) == ("camera", "LiDAR", "48", "12")


def test_one_view_and_one_person_are_said_as_they_are(tmp_path: Path) -> None:
    table = paired_table(compared(tmp_path / "view", 3, ("000",)))
    assert "the same probes, same view;" in table.title
    line = dict(zip(table.header, paired_table(compared(tmp_path / "person", 1)).lines[0], strict=True))
    assert (line["b - a"], line["p"]) == ("+0.0", "–")
    assert paired_table([]).lines == ()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_number_is_cut_in_a_narrow_terminal(rows: list[PairedRow], width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    print_paired(rows, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in printed
    assert all(cell in printed for line in paired_table(rows).lines for cell in line)
