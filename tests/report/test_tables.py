"""Tables: the numbers of the rows, the same in three forms."""

import io
import re
from pathlib import Path

import fake_run  # noqa: F401  its import lets fake_store be found
import pytest
from fake_store import evaluated, knowing_embeddings, make_store
from rich.console import Console

from gaitbridge.evaluation.results import ResultRow, find_row
from gaitbridge.report.result_tables import condition_table, main_table, markdown_tables, print_tables
from gaitbridge.report.tables import number


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[ResultRow]:
    store = make_store(tmp_path_factory.mktemp("tables") / "store", people=9)
    return evaluated(store, knowing_embeddings(store, "silhouettes", 1.5), knowing_embeddings(store, "range_views", 1.5))


def test_the_main_table_holds_both_columns_and_the_counts(rows: list[ResultRow]) -> None:
    table = main_table(rows)
    assert [line[:2] for line in table.lines] == [("camera", "LiDAR"), ("LiDAR", "camera"), ("camera", "camera"), ("LiDAR", "LiDAR")]
    line = dict(zip(table.header, table.lines[1], strict=True))
    across, same = (find_row(rows, "rank-1", "lidar", "camera", views) for views in ("excluded", "identical"))
    assert line["rank-1, other views"] == number(across, True) != number(same, True) == line["rank-1, same view"]
    assert across is not None
    assert line["chance"] == f"{across.chance:.1f}"
    assert (line["probes"], line["gallery size"], line["people"]) == ("72", "36", "9")
    assert line["mAP"] == number(find_row(rows, "mAP", "lidar", "camera"))


def test_the_table_by_condition(rows: list[ResultRow]) -> None:
    table = condition_table(rows, "identical")
    assert [line[0] for line in table.lines] == ["all", "normal", "bag"]
    assert table.lines[2][1] == number(find_row(rows, "rank-1", "camera", "lidar", "identical", "bag"), True)
    assert table.lines[2][-1] == "36"


def test_three_forms_hold_the_same(rows: list[ResultRow]) -> None:
    console = Console(file=io.StringIO(), width=220)
    print_tables(rows, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    markdown, page = markdown_tables(rows), main_table(rows).to_html()
    for line in main_table(rows).lines:
        assert "| " + " | ".join(line) + " |" in markdown
        assert re.search(r"\s+".join(re.escape(cell) for cell in line), printed)
        for cell in line:
            assert cell.split(" [")[0] in page
    assert markdown.count("| --- |") == 3


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_number_is_cut_in_a_narrow_terminal(rows: list[ResultRow], width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    print_tables(rows, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in printed
    for table in (main_table(rows), condition_table(rows)):
        for line in table.lines:
            assert all(cell in printed for cell in line)


def test_what_is_not_defined_is_a_dash(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=3, views=("000",))
    rows = evaluated(store, knowing_embeddings(store, "silhouettes"), knowing_embeddings(store, "range_views"))
    line = dict(zip(main_table(rows).header, main_table(rows).lines[0], strict=True))
    assert line["rank-1, other views"] == "–"
    assert line["rank-1, same view"].startswith("100.0")
    assert line["chance"] == "33.3"  # of the column that has a value
    assert main_table([]).lines == ()
