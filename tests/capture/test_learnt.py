"""The learnt people model, where it was fetched: on real people of Anny's body, and on the films beside the repository."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.video import network
from gaitbridge.capture.video.decode import Picture, Video
from gaitbridge.capture.video.learnt import LearntPeople, anchors, body_boxes, overlap

VIDEO = Path(__file__).parents[2].parent / "shared" / "video"


def film(name: str, number: int) -> np.ndarray:
    """One picture of a film beside the repository; skips where it is not there."""
    if not (VIDEO / name).is_file():
        pytest.skip(f"{name} is not in a folder shared/video beside the repository")
    picture: Picture = next(picture for picture in Video(VIDEO / name).pictures() if picture.number == number)
    return picture.pixels


def test_anchors_are_the_detectors() -> None:
    found = anchors()
    assert found.shape == (2254, 2)
    assert found[:2].tolist() == [[4 / 224, 4 / 224]] * 2
    assert found[2].tolist() == [12 / 224, 4 / 224]  # columns first
    assert found[-1].tolist() == [208 / 224, 208 / 224]


def test_boxes_are_about_the_hips() -> None:
    (box,) = body_boxes(np.array([[[100.0, 200.0], [100.0, 140.0]]]))
    assert box[0] < 200 < box[2]
    assert (box[1] + box[3]) / 2 == 100
    assert overlap(box, box) == pytest.approx(1.0)
    assert overlap(box, box + 200) == 0


WALKERS = {  # of vtest.avi, picture 400: box of each who stands alone
    "near": (301, 689, 411, 744), "middle": (202, 274, 286, 301), "far": (141, 590, 203, 616),
}  # fmt: skip


def test_people_are_found_and_looked_at(people_model: Path) -> None:
    pixels = film("vtest.avi", 400)
    people = LearntPeople()
    windows = np.array([[x, y, x + 200, y + 200] for x in range(0, 500, 100) for y in range(0, 700, 100)], float)
    found = people.detect(pixels, windows)
    for box in WALKERS.values():
        assert sum(overlap(one.box, np.array(box, float)) > 0.5 for one in found) == 1
    assert not [one for one in found if one.box[0] > 420]  # the lawn
    for box in WALKERS.values():
        looked = people.look(pixels, np.array(box, float))
        assert looked.person is not None
        assert overlap(looked.person.box.astype(float), np.array(box, float)) > 0.85
        assert looked.pose.presence > 0.9
        height = looked.person.height
        assert 0.12 < looked.person.area / height**2 < 0.4
        points = looked.pose.landmarks
        inside = points[[0, 11, 12, 23, 24], :2] - looked.person.box[[1, 0]]
        assert all(looked.person.mask[round(y), round(x)] for x, y in inside)  # nose, shoulders, hips
        assert points[[27, 28], 1].mean() - points[0, 1] == pytest.approx(0.85 * height, rel=0.15)
        assert np.ptp(looked.pose.world[:, 1]) == pytest.approx(1.6, abs=0.35)  # metres
        assert np.abs(looked.pose.world[[23, 24]].mean(0)).max() < 0.05


def test_nobody_is_nobody(people_model: Path) -> None:
    people = LearntPeople()
    for pixels in (np.zeros((300, 400, 3), np.uint8), np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)):
        assert people.detect(pixels, np.array([[0, 0, 300, 300], [0, 100, 300, 400]], float)) == []
        looked = people.look(pixels, np.array([50, 100, 250, 200], float))
        assert looked.person is None
        assert looked.pose.presence < 0.5
    assert people.detect(pixels, np.zeros((0, 4))) == []
    assert people.look(pixels, np.array([900, 900, 1000, 950], float)).person is None  # beyond the picture


def test_a_picture_moved_by_pixels_gives_the_mask_moved(people_model: Path) -> None:
    pixels, people, box = film("vtest.avi", 400), LearntPeople(), np.array(WALKERS["middle"], float)
    here = people.look(pixels, box)
    moved = people.look(np.roll(pixels, (-13, -21), (0, 1)), box - np.array([13, 21, 13, 21]))
    assert here.person is not None
    assert moved.person is not None
    assert (here.person.box - moved.person.box).tolist() == [13, 21, 13, 21]
    assert (here.person.mask == moved.person.mask).all()
    assert here.pose.landmarks[:, :2] - moved.pose.landmarks[:, :2] == pytest.approx(np.tile([21, 13], (33, 1)), abs=0.01)


def test_both_runtimes_say_the_same(people_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    pytest.importorskip("ai_edge_litert")
    pixels, box = film("vtest.avi", 400), np.array(WALKERS["near"], float)
    one = LearntPeople().look(pixels, box)
    monkeypatch.setattr(network, "runtime", lambda: "openvino")
    other = LearntPeople().look(pixels, box)
    assert np.abs(one.chance - other.chance).max() < 0.02  # in bf16 it is more than a tenth
    assert np.abs(one.pose.landmarks - other.pose.landmarks).max() < 0.1


def areas(box: np.ndarray) -> list[int]:
    """In a process of its own with limits: people of a black picture, and of how many pixels the chances are."""
    people = LearntPeople()
    pixels = np.zeros((1080, 1920, 3), np.uint8)
    return [len(people.detect(pixels, box[None])), people.look(pixels, box).chance.size]


def test_it_runs_in_the_reading_process(people_model: Path) -> None:
    assert run_isolated(areas, np.array([100.0, 800.0, 900.0, 1100.0]), seconds=60, megabytes=700)[0] == 0
