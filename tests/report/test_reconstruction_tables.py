"""Tables and plot of the 3D bodies' errors and of the cost: every cell is a row's number, nothing is cut, what is missing is said."""

import io
from html.parser import HTMLParser

import numpy as np
import pytest
from rich.console import Console

from gaitbridge.evaluation.bodies.errors import METRICS, MIRRORINGS
from gaitbridge.evaluation.bodies.reconstruction import SOURCES, ReconstructionRow, SequenceErrors, find_reconstruction, reconstruction_rows
from gaitbridge.report.reconstruction_tables import (
    COLUMNS,
    cost_table,
    print_reconstruction,
    reconstruction_by,
    reconstruction_figure,
    reconstruction_section,
    reconstruction_table,
)
from gaitbridge.report.tables import TextTable, number

COST = {
    "networks": {
        "silhouettes alone": {"parameters": 2_500_000, "flops_per_frame": 1.5e9, "flops_per_sequence": 45e9},
        "with <heatmaps>": {"parameters": 3_750_000, "flops_per_frame": 1.8e9, "flops_per_sequence": 54e9},
    },
    "latency": {
        "reference": "silhouettes alone", "rounds": 30, "sequences": 2, "frames": 30, "height": 64, "width": 44, "device": "cpu",
        "hardware": "a <b> cpu", "threads": 1,
        "ratios": {
            "silhouettes alone": {"median": 1.0, "quartile_low": 1.0, "quartile_high": 1.0},
            "with <heatmaps>": {"median": 1.234, "quartile_low": 1.2, "quartile_high": 1.3},
        },
        "seconds": {
            "silhouettes alone": {"median": 0.1, "quartile_low": 0.09, "quartile_high": 0.12},
            "with <heatmaps>": {"median": 0.12, "quartile_low": 0.11, "quartile_high": 0.13},
        },
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[ReconstructionRow]:
    random, errors = np.random.default_rng(0), []
    for source in SOURCES:
        for person in range(5):
            for view in ("000", "090", "180"):
                for condition in ("normal", "bag"):
                    found = {(metric, mirroring): random.uniform(20, 90, 7) for metric in METRICS for mirroring in MIRRORINGS}
                    errors.append(SequenceErrors(f"{person}", f"p{person}", view, condition, source, found, 7, 1))
    return reconstruction_rows(errors)


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.words, self.open = "", []  # type: ignore[var-annotated]
        self.feed(page)
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_main_table_holds_every_metric_beside_the_mean_poses(rows: list[ReconstructionRow]) -> None:
    table = reconstruction_table(rows)
    of_view = "mean pose of the view"
    assert table.header == ("mm", "network", "network, better mirroring", of_view, f"{of_view}, better mirroring", "mean pose")
    assert tuple(line[0] for line in table.lines) == METRICS
    for line in table.lines:
        for cell, (source, mirroring, *_) in zip(line[1:], COLUMNS, strict=True):
            row = find_reconstruction(rows, line[0], source, mirroring)
            assert row is not None
            assert cell == f"{row.value:.1f} [{row.low:.1f}, {row.high:.1f}]"


@pytest.mark.parametrize(("what", "names"), [("view", ["all", "000", "090", "180"]), ("condition", ["all", "normal", "bag"])])
def test_tables_by_view_and_by_condition(rows: list[ReconstructionRow], what: str, names: list[str]) -> None:
    table = reconstruction_by(rows, what)
    assert [line[0] for line in table.lines] == names
    line = dict(zip(table.header, table.lines[2], strict=True))
    place = {what: names[2]}
    assert line["MPJPE"] == number(find_reconstruction(rows, "MPJPE", **place), True)
    assert line["vertex error"] == number(find_reconstruction(rows, "vertex error", **place))
    assert line["MPJPE, network, better mirroring"] == number(find_reconstruction(rows, "MPJPE", mirroring="better", **place))
    assert line["MPJPE, mean pose of the view"] == number(find_reconstruction(rows, "MPJPE", "mean pose of the view", **place))
    assert (line["frames"], line["people"]) == (str(5 * 7 * (2 if what == "view" else 3)), "5")


def test_rows_of_the_network_alone_and_without_values() -> None:
    nothing = reconstruction_rows([SequenceErrors("k", "p", "000", "normal", "network", {("MPJPE", "none"): np.empty(0)}, 0, 9)])
    assert reconstruction_table(nothing).lines == (("MPJPE", "–"),)
    assert reconstruction_by(nothing, "view").lines[0] == ("all", "–", "0", "0")
    assert reconstruction_figure(nothing).data == ()


def test_the_plot_by_view_has_a_line_a_source_with_intervals(rows: list[ReconstructionRow]) -> None:
    figure = reconstruction_figure(rows, "marker error")
    assert len(figure.data) == len(COLUMNS)
    trace = figure.data[0]
    assert trace.x == ("000", "090", "180")
    row = find_reconstruction(rows, "marker error", view="090")
    assert row is not None
    assert row.value is not None
    assert row.low is not None
    assert row.high is not None
    assert trace.y[1] == row.value
    for drawn, (source, mirroring, *_) in zip(figure.data, COLUMNS, strict=True):
        wanted = [find_reconstruction(rows, "marker error", source, mirroring, view) for view in ("000", "090", "180")]
        assert list(drawn.y) == [one.value for one in wanted if one is not None]
    assert (trace.error_y.array[1], trace.error_y.arrayminus[1]) == pytest.approx((row.high - row.value, row.value - row.low))
    assert figure.layout.xaxis.type == "category"


def test_the_cost_table() -> None:
    table = cost_table(COST)
    assert table.lines[1] == ("with <heatmaps>", "3.75", "1.800", "54.00", "1.23 [1.20, 1.30]", "60.0")
    assert table.header[4] == "time / silhouettes alone"


def test_the_section_is_whole_and_says_what_is_missing(rows: list[ReconstructionRow]) -> None:
    page = reconstruction_section(rows, COST)
    words = Text(page).words
    for table in (reconstruction_table(rows), reconstruction_by(rows, "view"), reconstruction_by(rows, "condition"), cost_table(COST)):
        for line in table.lines:
            for cell in line:
                assert cell in words
    assert "210 frames of 30 sequences of 5 people" in words
    assert "30 frames without a known body" in words
    assert "cpu (a <b> cpu), 1 thread, 30 rounds" in words
    assert page.count('class="plot"') == 1
    assert "with <heatmaps>" in words
    assert "<heatmaps>" not in page
    assert "<b>" not in page
    empty = reconstruction_section(None, None)
    assert 'class="missing"' in empty
    assert "costs" not in empty


@pytest.mark.parametrize("width", [60, 80, 140, 200])
def test_no_number_is_cut_in_a_narrow_terminal(rows: list[ReconstructionRow], width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    print_reconstruction(rows, COST, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in printed
    for table in (reconstruction_table(rows), reconstruction_by(rows, "view"), reconstruction_by(rows, "condition"), cost_table(COST)):
        assert all(cell in printed for line in table.lines for cell in line[1:])
        assert all(part.width <= width for part in table.narrowed(width))
        assert sum(len(part.header) - 1 for part in table.narrowed(width)) == len(table.header) - 1


def test_no_column_stands_alone_where_the_others_just_fit() -> None:
    table = TextTable("t", ("name", *(f"column {number}" for number in range(6))), (("a", *"123456"),))
    assert [len(part.header) for part in table.narrowed(table.width - 1)] == [4, 4]
    assert [part.header for part in table.narrowed(table.width)] == [table.header]
