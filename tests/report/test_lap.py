"""The walker's lap: a moving picture without a seam, of one person seen from all sides, in a size that a page can carry."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gaitbridge.cli import app
from gaitbridge.report.cards import EDGE, HEAD, card, ranges, silhouettes
from gaitbridge.report.lap import SMOOTH, lap_of, stride_s
from gaitbridge.report.walker_look import colours_of, moments
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Take, open_source, plan, take_of


@pytest.fixture(scope="module")
def take() -> Take:
    config = CohortConfig(people={"test": 1}, takes=(("normal",),), clothes="outfits", views=("000",))
    return take_of(config, plan(config, open_source(config.motion))[0], 0, "p0000")


def test_a_lap_is_whole_strides_around_a_circle_and_ends_where_it_began(take: Take) -> None:
    around, hz = lap_of(take, 4.0)
    strides = len(around.clock.lidar_s) / hz / stride_s(take.walker.walk, take.walker.start_s)
    assert strides == pytest.approx(round(strides), abs=0.02)
    begin, end = (moments(around.walker, np.array([time]), "p0000")[0] for time in (0.0, len(around.clock.lidar_s) / hz))
    assert np.linalg.norm(begin.place_m - end.place_m) < 0.05
    assert np.abs(begin.mesh.vertices_m - end.mesh.vertices_m).mean() < 0.05
    headings = [moment.heading for moment in moments(around.walker, around.clock.lidar_s, "p0000")]
    assert np.ptp(np.unwrap(headings)) > 0.9 * 2 * np.pi
    assert 8 < hz < 12


def test_clothes_skin_and_hair_have_colours_of_their_own(take: Take) -> None:
    colours = colours_of(take.walker, "p0000")
    assert len(colours) == len(take.walker.dressed(np.zeros(1)).vertices_m[0])
    assert 4 <= len(np.unique(colours, axis=0)) <= 12
    assert (colours == colours_of(take.walker, "p0000")).all()
    assert (colours != colours_of(take.walker, "p0001")).any()


def test_a_card_stands_its_panels_side_by_side() -> None:
    shape = np.zeros((2, 8, 6), np.uint8)
    shape[1, 2:6, 2:4] = 255
    metres = np.full((2, 8, 6), np.nan, np.float32)
    metres[:, 2:6, 2:4] = 5.0
    frames = card({"one": silhouettes(shape, 5), "two": ranges(metres, 5)})
    assert len(frames) == 2
    assert frames[0].shape == (HEAD + 40 + EDGE, 30 + 30 + 12 + 2 * EDGE, 3)
    changed = np.abs(frames[1].astype(int) - frames[0]).max(2) > 100
    assert changed.sum() == 8 * 25
    assert changed[HEAD + 10 : HEAD + 30, EDGE + 10 : EDGE + 20].all()


def test_the_walker_moves_in_a_small_file(tmp_path: Path) -> None:
    out = tmp_path / "walker.webp"
    app(["picture", "walker", str(out), "--seconds", "2", "--scale", "2", "--set", "clothes=outfits"], exit_on_error=False,
        result_action="return_value")
    with Image.open(out) as opened:
        assert opened.n_frames % SMOOTH == 0  # type: ignore[attr-defined]
        assert opened.n_frames >= 2 * SMOOTH * 8  # type: ignore[attr-defined]
        assert opened.info["loop"] == 0
        assert opened.width < 400
    assert out.stat().st_size < 150_000


def test_captured_walks_end_and_are_refused(tmp_path: Path) -> None:
    from gaitbridge.errors import UserError
    from gaitbridge.report.lap import draw_lap

    (tmp_path / "a_0.bvh").write_text("HIERARCHY\n", encoding="utf-8")
    with pytest.raises(UserError):
        draw_lap(CohortConfig(people={"test": 1}, motion=f"bvh:{tmp_path}"), tmp_path / "w.webp")
    assert not (tmp_path / "w.webp").exists()
