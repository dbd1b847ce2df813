"""A film with names: who walks in it is written into it and beside it, or nothing is left."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from gallery_people import WEIGHTS, embeddings, make, walks
from video_files import paint, times, two_who_cross, walk, write_video

from gaitbridge import cli
from gaitbridge.capture.video.named import write_named
from gaitbridge.capture.video.settings import Settings
from gaitbridge.errors import UserError
from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.kinds import Kind
from gaitbridge.service.answering import Answerer
from gaitbridge.service.identify import identify_film, words_of
from gaitbridge.types import Embeddings

PEOPLE = ["Zoë", "ben", "cleo"]


class Run:
    """A network that knows who comes first, and nobody else."""

    modalities, inputs, weights_hash, run = ("silhouettes",), {"silhouettes": ("silhouettes",)}, WEIGHTS, "run"
    network = SimpleNamespace(config=SimpleNamespace(size=(64, 44)))
    asked = 0

    def embed_stored(self, **arrays: list[np.ndarray]) -> Embeddings:
        self.asked += 1
        return embeddings(["Zoë" if self.asked == 1 else "a stranger"] * len(arrays["silhouettes"]), seed=9)


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Three people, calibrated on sixty others."""
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE * 2), walks(PEOPLE * 2, site="north", recorded_s=1.7e9))
    names = [f"q{number:03d}" for number in range(60)] * 4
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made.keep_calibration(calibrate([embeddings(names, seed=5)], [names], [types], "known", "h" * 32, "2026-11-21", RATES, Kind(kind="simulated")))
    return made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("film") / "cross.mkv"
    two_who_cross(place)
    return place


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24").astype(int) for frame in container.decode(video=0)]


def test_one_is_named_and_one_is_nobody(film: Path, gallery: Gallery, tmp_path: Path) -> None:
    answerer = Answerer(gallery, Run(), 0.05, Kind(kind="captured"))
    done = identify_film(film, tmp_path / "out" / "named.mp4", answerer, Settings(people="movement"))
    assert sorted(one["outcome"] for one in done.walks) == ["named", "nobody"]
    (named,) = [one for one in done.walks if one["outcome"] == "named"]
    assert named["decision"] == "Zoë"
    assert words_of(named)[0] == "Zoë"
    assert words_of(named)[1].endswith("% of strangers as near")
    assert done.pictures == 80
    shown, plain = frames_of(tmp_path / "out" / "named.mp4"), frames_of(film)
    assert np.mean([np.abs(a - b).max() > 150 for a, b in zip(shown, plain, strict=True)]) > 0.9  # a box, a name, the time
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["named.mp4"]  # nothing else is left


def test_who_is_nobody_can_be_hidden(tmp_path: Path) -> None:
    """Where they were found, and between: there the picture is coarse; elsewhere it is the film's."""
    masks = walk(20)
    write_video(tmp_path / "film.mkv", [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(masks)], times(20))
    rows, columns = (np.flatnonzero(masks[5].any(axis)) for axis in (1, 0))
    box = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]) - 0.5
    track = {"frame": np.array([4, 6]), "box": np.stack([box, box]), "window": np.stack([box, box]), "silhouette": np.zeros((2, 64, 44), np.uint8),
             "reason": np.array(["", ""]), "words": ["nobody"], "person": -1}
    detail = []
    for hide in (False, True):
        write_named(tmp_path / "film.mkv", [track], tmp_path / "out.mp4", 12.5, None, hide)
        frame = frames_of(tmp_path / "out.mp4")[5]  # between the two that were seen
        part = frame[rows[0] + 4 : rows[-1] - 4, columns[0] + 2 : columns[-1] - 2]
        detail.append(np.abs(np.diff(part, axis=0)).mean())
    assert detail[1] < 0.8 * detail[0]  # 0.58 to 0.65, as the encoder's threads do not give the same bytes each time


def test_mistakes_leave_nothing(film: Path, gallery: Gallery, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answerer: Any = Answerer(gallery, Run(), 0.05)
    (tmp_path / "text.mkv").write_text("no film")
    for given, out, words in ((tmp_path / "no.mkv", "a.mp4", "is missing: give a film"), (film, "a.avi", "end its name in .mp4"),
                              (tmp_path / "text.mkv", "a.mp4", "cannot be read as a video")):
        with pytest.raises(UserError, match=words):
            identify_film(given, tmp_path / "made" / out, answerer, Settings(people="movement"))
    assert not (tmp_path / "made").exists()
    assert cli.main(["identify", str(tmp_path / "nowhere"), str(film), "--out", str(tmp_path / "a.mp4")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_command_writes_a_film_and_a_document(film: Path, gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("gaitbridge.cli._gallery.run_of", lambda opened, model: Run())
    words = ["identify", gallery.place, str(film), "--out", str(tmp_path / "named.mp4"), "--json", "--people", "movement", "--reject", "0.05"]
    assert cli.main(words) == 0
    said = capsys.readouterr()
    assert "Zoë; " in said.out
    assert "nobody; " in said.out
    assert "warning: " in said.err  # calibrated on simulated people
    document = json.loads((tmp_path / "named.json").read_text(encoding="utf-8"))
    assert {one["decision"] for one in document["walks"]} == {"Zoë", None}
    assert (tmp_path / "named.mp4").stat().st_size > 1000
