"""A walk is answered by the gallery's identification, refused where it is no walk, and what cannot be decided is said before anything is watched."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from gallery_people import WEIGHTS, embeddings, make, walks
from video_files import walk

from gaitbridge.errors import UserError
from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.kinds import Kind
from gaitbridge.geometry.silhouette import align
from gaitbridge.service.answering import Answerer, walk_id
from gaitbridge.types import Embeddings

PEOPLE = ["ann", "ben", "cleo"]


class Run:
    """A network that knows whom it is shown: by the seconds at which a walk starts."""

    modalities, inputs, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))
    who = "ann"

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        assert all(array.shape[1:] == (64, 44) for array in arrays["silhouettes"])
        return embeddings([self.who] * len(arrays["silhouettes"]), seed=9)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Three people, calibrated on sixty others."""
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE * 2), walks(PEOPLE * 2, site="north", recorded_s=1.7e9))
    names = [f"q{number:03d}" for number in range(60)] * 4
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made.keep_calibration(calibrate([embeddings(names, seed=5)], [names], [types], "known", "h" * 32, "2026-11-21", RATES, Kind(kind="simulated")))
    return made


def seen(**more: Any) -> dict[str, Any]:
    """A walk as a reading process gives it: two good runs."""
    silhouettes = np.stack([align(mask, (64, 44))[0] for mask in walk(40)])
    times = 3.0 + np.arange(40) / 12.5
    track = {"number": 4, "piece": 0, "part": 0, "silhouette": silhouettes, "time_s": times, "window": np.zeros((40, 4)),
             "runs": [np.arange(20), np.arange(22, 40)], "views": [90.0, 90.0]}
    return {"track": track, "start_s": 1.7e9, "end_s": 1.7e9 + 3, "source": "cam", "film": "", "live": True} | more


def test_the_name_nobody_and_what_is_no_walk(gallery: Gallery) -> None:
    run = Run()
    answerer = Answerer(gallery, run, 0.05, Kind(kind="captured"))
    named = answerer.answer(seen())
    assert (named["outcome"], named["decision"]) == ("named", "ann")
    assert named["rate"] <= 0.05 == named["reject"]
    assert named["hits"][0] | {"distance": 0, "score": 0, "rate": 0} == {
        "person": "ann", "sensor": "camera", "site": "north", "template": "ann/normal-3/000", "template_id": b"a-ann-3".hex(),
        "recorded": "2023-11-14T22:13:20Z", "distance": 0, "score": 0, "rate": 0}  # fmt: skip
    assert named["start"] == "2023-11-14T22:13:20.000+00:00"
    assert named["runs"] == 2
    assert named["frames"] == 38
    assert named["quality"]["score"] > 0.2
    assert any("simulated" in warning for warning in named["warnings"])
    run.who = "a stranger"
    assert answerer.answer(seen(live=False))["outcome"] == "nobody"
    assert answerer.answer(seen(live=False))["start"] is None
    noise = seen()
    noise["track"]["silhouette"] = (np.random.default_rng(0).random((40, 64, 44)) < 0.5).astype(np.uint8) * 255
    unfit = answerer.answer(noise)
    assert (unfit["outcome"], unfit["decision"]) == ("unfit", None)
    assert "below 0.2" in unfit["problem"]
    assert Answerer(gallery, run, 0.05, least_quality=0.0).answer(noise)["outcome"] == "nobody"


def test_ids_are_of_the_content_and_of_what_happens_now(gallery: Gallery) -> None:
    one, other = seen(), seen(start_s=1.7e9 + 60)
    assert walk_id(one, "") == walk_id(seen(film="renamed"), "")
    assert walk_id(one, "cam") != walk_id(one, "other cam")
    assert walk_id(one, "cam") != walk_id(other, "cam")
    other["track"]["silhouette"] = other["track"]["silhouette"][::-1]
    assert walk_id(one, "") != walk_id(other | {"start_s": 1.7e9}, "")


def test_what_cannot_be_decided_is_said_at_once(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be stated with 3 people"):
        Answerer(gallery, Run(), 1e-7)
    empty = make(tmp_path / "empty")
    with pytest.raises(UserError, match="no thresholds to decide by"):
        Answerer(empty, Run(), 0.05)
    run: Any = Run()
    run.inputs = {"silhouettes": ("silhouettes", "smpl")}
    with pytest.raises(UserError, match="takes silhouettes with smpl"):
        Answerer(gallery, run, 0.05)
