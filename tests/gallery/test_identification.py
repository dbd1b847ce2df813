"""Nobody or the name: a stated rate for strangers holds on other people, whatever the gallery's size."""

import uuid
from pathlib import Path

import numpy as np
import pytest
from gallery_people import embeddings, make, walks

from gaitbridge.errors import UserError
from gaitbridge.gallery.decision import RATES, calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.kinds import Kind
from gaitbridge.gallery.templates import Where
from gaitbridge.types import Embeddings

PEOPLE = [f"p{number:02d}" for number in range(12)]
SIMULATED = Kind(kind="simulated")


@pytest.fixture(params=["lancedb", "milvus"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Gallery:
    """Three LiDAR templates of each of twelve people, calibrated on sixty others."""
    made = make(f"{request.getfixturevalue('milvus')}/g{uuid.uuid4().hex[:8]}" if request.param == "milvus" else tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE * 3, "range_views"), walks(PEOPLE * 3, site="north"))
    calibrated(made)
    return made


def calibrated(gallery: Gallery, people: int = 60, noise: float = 0.3) -> None:
    names = [f"q{number:03d}" for number in range(people)] * 4
    sides = [embeddings(names, "silhouettes", noise, seed=5), embeddings(names, "range_views", noise, seed=6)]
    types = [f"{name}/{number // (2 * people)}" for number, name in enumerate(names)]
    gallery.keep_calibration(calibrate(sides, [names, names], [types, types], "known", "h" * 32, "2026-11-21", RATES, SIMULATED))


def test_an_older_calibration_decides_nobody(gallery: Gallery) -> None:
    """One of before strangers were measured is read, verifies and refuses to identify."""
    document = gallery.index.document("calibration")
    assert document is not None
    del document["kind"]
    for direction in document["directions"]:
        del direction["strangers"]
    gallery.index.keep_document("calibration", document)
    assert gallery.verify(tracks(["p00"])[0], "p00", rate=0.1)[0].accepted
    with pytest.raises(UserError, match="says nothing of strangers"):
        gallery.identify(tracks(["p00"]), 0.1)


def tracks(names: list[str], walks_each: int = 1, noise: float = 0.3, seed: int = 9) -> list[Embeddings]:
    made = embeddings([name for name in names for _ in range(walks_each)], "silhouettes", noise, seed)
    return [Embeddings(made.values[start : start + walks_each], made.distance, made.modality, made.weights_hash)
            for start in range(0, len(made), walks_each)]


def test_the_name_or_nobody(gallery: Gallery) -> None:
    found = gallery.identify(tracks([*PEOPLE, "stranger"]), 0.05, top=3)
    assert [one.decision for one in found] == [*PEOPLE, None]
    assert all(one.people == 12 and one.probe == "camera" and one.reject == 0.05 for one in found)
    assert all(one.rate <= 0.05 for one in found[:12])
    stranger = found[-1]
    assert stranger.rate > 0.05
    assert len(stranger.hits) == 3  # as evidence
    assert "calibrated on known (simulated, hhhhhhhh)" in stranger.provenance


def test_refused_where_the_rate_cannot_be_stated(gallery: Gallery) -> None:
    with pytest.raises(UserError, match=r"rate of 0.0001 cannot be stated with 12 people enrolled .*at least 0.0\d+ can"):
        gallery.identify(tracks(["p00"]), 0.0001)
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(UserError, match="no false-positive identification rate"):
            gallery.identify(tracks(["p00"]), wrong)


def test_refused_without_a_calibration(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE, "range_views"), walks(PEOPLE))
    with pytest.raises(UserError, match="no thresholds to decide by: fix them with `gaitbridge calibrate"):
        made.identify(tracks(["p00"]), 0.1)


def test_the_people_admitted_are_what_counts(gallery: Gallery) -> None:
    gallery.enrol(embeddings(["alone"], "range_views"), walks(["alone"], site="south"))
    everywhere = gallery.identify(tracks(["alone"]), 0.05)[0]
    south = gallery.identify(tracks(["alone"]), 0.05, Where(site="south"))[0]
    assert (everywhere.people, south.people) == (13, 1)
    assert south.threshold > everywhere.threshold  # one stranger is easier to keep apart from one person than from thirteen
    assert np.isclose(south.hits[0].distance, everywhere.hits[0].distance)


def test_warned_of_another_kind(gallery: Gallery) -> None:
    assert gallery.identify(tracks(["p00"]), 0.05, kind=SIMULATED)[0].warnings == ()
    warned = gallery.identify(tracks(["p00"]), 0.05, kind=Kind(kind="captured", sites=("gate",)))[0].warnings
    assert len(warned) == 1
    assert "simulated, not captured" in warned[0]
