"""The page: every section is there, nothing comes from elsewhere, and what is missing is said."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fake_run import make_run
from fake_store import knowing_embeddings, make_store, write_sides

from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.results import find_row, read_rows
from gaitbridge.evaluation.scoring.rows import write_evaluation
from gaitbridge.report import write_report
from gaitbridge.report.page import POLICY
from gaitbridge.report.sections import SECTIONS
from gaitbridge.store import Store


class Page(HTMLParser):
    """What a browser would fetch or show: attributes that name other files, sections, images, text by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.images: dict[str, int] = {}
        self.text: dict[str, str] = {}
        self.policy = ""
        self.section = ""
        self.silent = False
        self.styles = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.silent = tag in ("script", "style")
        if tag == "section":
            self.section = str(named["id"])
            self.text[self.section], self.images[self.section] = "", 0
        if tag == "img" and self.section:
            self.images[self.section] += 1
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(named["content"])
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            if named.get(name) and not str(named[name]).startswith(("#", "data:image/png;base64,", "data:image/webp;base64,")):
                self.fetched.append(f"{tag} {name}={named[name]}")

    def handle_endtag(self, tag: str) -> None:
        self.silent = self.silent and tag not in ("script", "style")

    def handle_data(self, data: str) -> None:
        if self.section and not self.silent:
            self.text[self.section] += data
        if self.get_starttag_text() == "<style>":
            self.styles += data


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("report") / "store", people=8)


@pytest.fixture(scope="module")
def run(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("report") / "run", store)


@pytest.fixture(scope="module")
def page(run: Path, store: Store) -> Page:
    return Page(write_report(run, store).read_text())


def test_the_page_needs_nothing_but_itself(page: Page, run: Path) -> None:
    assert page.fetched == []
    assert page.policy == POLICY
    assert "default-src 'none'" in POLICY
    assert not re.search(r"@import|url\(", page.styles)
    assert len((run / "report.html").read_text().split("plotly.js v")) == 2, "plotly.js is there once"


def test_every_section_has_content(page: Page) -> None:
    without = ("bodies", "open-set")  # its network has no heatmaps, and it was not asked for
    assert list(page.text) == [section.anchor for section in SECTIONS if section.anchor not in without]
    assert "No " not in " ".join(page.text.values())
    assert "not been evaluated" not in " ".join(page.text.values())


def test_the_headline_is_the_result(page: Page, run: Path) -> None:
    rows = read_rows(run / "evaluation" / "results.json")
    for pair in (("camera", "lidar"), ("lidar", "camera")):
        row = find_row(rows, "rank-1", *pair)
        assert row is not None
        assert f"{row.value:.1f} %" in page.text["headline"]
        assert f"{row.chance:.1f} %" in page.text["headline"]
        assert f"{row.value:.1f} [{row.low:.1f}, {row.high:.1f}]" in page.text["results"]
    assert "bag" in page.text["conditions"]


def test_pictures_come_from_the_store(page: Page) -> None:
    assert page.images["walkers"] == 1 + 2 * 4 + 1  # one in motion, two sensors from four views, and the joints
    assert page.images["retrieval"] == 8 * 6  # four examples a direction, a probe and five found
    assert page.text["retrieval"].count("who is this?") == 8


def test_right_and_wrong_are_marked_as_the_retrieval_says(page: Page, run: Path) -> None:
    text = (run / "report.html").read_text()
    shown = re.findall(r'<div class="hit (right|wrong)">.*?<b>\d ([✓✗])</b><br>(\w+)<br>', text)
    assert {(kind, mark) for kind, mark, _ in shown} == {("right", "✓"), ("wrong", "✗")}
    rows = re.findall(r'<div class="row"><div class="hit probe">.*?</b><br>(\w+)<br>(.*?)</div></div>', text, re.DOTALL)
    for person, found in rows:
        for kind, other in re.findall(r'<div class="hit (right|wrong)">.*?</b><br>(\w+)<br>', found):
            assert (kind == "right") == (other == person)


def test_synthetic_results_are_called_synthetic(tmp_path: Path, run: Path, page: Page) -> None:
    assert "Synthetic" not in page.text["headline"]  # the store of blobs claims no simulation
    assert "Synthetic" in Page(write_report(run, None, tmp_path / "r.html").read_text()).text["headline"]  # the protocol `simulated` does


def test_a_store_of_one_view_is_headed_by_the_same_view(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", people=3, views=("090",))
    page = Page(write_report(make_run(tmp_path / "run", store), store).read_text())
    assert "from the same view angle" in page.text["headline"]
    assert "all from the same view angle" in page.text["cmc"]


def test_without_a_store_the_numbers_stay(run: Path, tmp_path: Path) -> None:
    page = Page(write_report(run, None, tmp_path / "deep" / "r.html").read_text())
    assert "No store was given" in page.text["walkers"]
    assert page.images["retrieval"] == 0
    assert "who is this?" in page.text["retrieval"]


def test_a_network_of_silhouettes_with_heatmaps(run: Path, store: Store, tmp_path: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(run, own)
    (own / "evaluation" / "trajectory.json").unlink()
    (own / "evaluation" / "range_views.npz").unlink()
    write_evaluation(own / "evaluation", store, "simulated", 0, own / "evaluation")
    (own / "config.json").write_text(json.dumps({"method": "meshgait", "network": {"heatmaps": {"depth": 8}}, "objective": {"identity": {}}}))
    page = Page(write_report(own, store).read_text())
    assert list(page.text) == [section.anchor for section in SECTIONS if section.anchor not in ("trajectory", "open-set")]
    assert "recovers no 3D bodies" in page.text["bodies"]
    row = find_row(read_rows(own / "evaluation" / "results.json"), "rank-1", "camera", "camera")
    assert row is not None
    assert f"{row.value:.1f} %" in page.text["headline"]
    assert "of the same sensor" in page.text["retrieval"]


def test_an_empty_run_says_what_is_missing(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path).read_text())
    assert "no results yet" in page.text["headline"]
    for section, words in (("cmc", "cmc.json"), ("training", "log.jsonl"), ("trajectory", "trajectory.json"), ("provenance", "config.json")):
        assert words in page.text[section]


@pytest.mark.parametrize("name", ["evaluation/results.json", "evaluation/cmc.json", "evaluation/retrieval.json", "config.json", "log.jsonl"])
def test_damaged_files_are_named(name: str, run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / name).write_text('{"kind": \n{"kind": "train"}')
    (copy / "report.html").write_bytes(b"before")
    with pytest.raises(StoreError, match=name.rsplit("/", 1)[-1].replace(".", r"\.")):
        write_report(copy)
    assert (copy / "report.html").read_bytes() == b"before"


def test_the_results_shown_are_those_of_the_store(run: Path, store: Store, tmp_path: Path) -> None:
    copy, other = tmp_path / "run", make_store(tmp_path / "other", people=2)
    shutil.copytree(run, copy)
    sides = knowing_embeddings(other, "silhouettes"), knowing_embeddings(other, "range_views")
    write_evaluation(write_sides(copy / "evaluation-other", other, *sides), other, "simulated", 0, copy / "evaluation-other")
    assert "8 people among the probes" in Page(write_report(copy, store).read_text()).text["headline"]
    assert "2 people among the probes" in Page(write_report(copy, other).read_text()).text["headline"]
    assert "8 simulated walkers among" in Page(write_report(copy).read_text()).text["headline"]


def test_a_log_cut_short_by_a_kill_is_read_up_to_there(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    with (copy / "log.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')
    assert "40 steps" in Page(write_report(copy).read_text()).text["training"]


def test_names_cannot_smuggle_markup(store: Store, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", store)
    (run / "config.json").write_text(json.dumps({"name": "</pre><script>alert(1)</script>"}))
    assert "alert(1)</script>" not in write_report(run).read_text()


def test_mistakes_are_told(run: Path, tmp_path: Path) -> None:
    other = make_store(tmp_path / "other", people=2)
    with pytest.raises(UserError, match="evaluated on another store"):
        write_report(run, other)
    with pytest.raises(UserError, match="no folder of a run"):
        write_report(tmp_path / "nothing")
