"""Nobody or the name: a stated rate for strangers holds on other people, whatever the gallery's size."""

import re
import time
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gallery_people import embeddings, make, walks

import gaitbridge.gallery.asking as room
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery.cohort import Cohort, made_of
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


def test_longer_walks_than_were_calibrated_on_are_said(tmp_path: Path) -> None:
    """More is seen of a longer walk, so strangers come nearer than short walks say."""
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE, "range_views"), walks(PEOPLE))
    names = [f"q{number:03d}" for number in range(60)] * 4
    long = [replace(embeddings(names, modality, seed=5), frames=(*[40] * 100, *[60] * 140)) for modality in ("silhouettes", "range_views")]
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made.keep_calibration(calibrate(long, [names, names], [types, types], "known", "h" * 32, "2026-11-29", RATES, SIMULATED))

    def said(frames: int) -> tuple[str, ...]:
        asked = replace(tracks(["p00"])[0], frames=(frames,))
        assert made.verify(asked, "p00", rate=0.1)[0].warnings == made.identify([asked], 0.05)[0].warnings
        return made.identify([asked], 0.05)[0].warnings

    assert said(12) == said(90) == ()
    assert "calibrated on known (simulated, hhhhhhhh), walks of 40 to 60 frames, 2026-11-29" in made.identify(tracks(["p00"]), 0.05)[0].provenance
    assert said(91) == ("walks of up to 91 frames (probe camera, gallery lidar), calibrated on walks of 40 to 60: strangers come nearer than the "
                        "rates say; calibrate on walks as long",)  # fmt: skip


def test_refused_where_the_rate_cannot_be_stated(gallery: Gallery) -> None:
    with pytest.raises(UserError, match=r"rate of 0.0001 cannot be stated with 12 people enrolled .*at least 0.0\d+ can"):
        gallery.identify(tracks(["p00"]), 0.0001)
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(UserError, match="no false-positive identification rate"):
            gallery.identify(tracks(["p00"]), wrong)


def test_several_walks_are_decided_by_the_rates_of_one_where_theirs_cannot_be_stated(gallery: Gallery) -> None:
    one, two = (gallery.identify(tracks([*PEOPLE, "stranger"], walks_each), 0.04) for walks_each in (1, 2))
    assert [found.decision for found in two] == [*PEOPLE, None]
    assert two[0].threshold == one[0].threshold < gallery.identify(tracks(["p00"], 2), 0.06)[0].threshold
    assert " of 1 walk," in two[0].provenance


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


def normalised(gallery: Gallery, nobody: bool = True) -> Cohort:
    """Calibrated anew, against a cohort of twenty others."""
    others = [f"c{number:02d}" for number in range(20)] * 3
    sensors = {"camera": embeddings(others, "silhouettes", seed=15), "lidar": embeddings(others, "range_views", seed=16)}
    cohort = made_of(sensors, {"camera": others, "lidar": others}, nobody, "others")
    names = [f"q{number:03d}" for number in range(60)] * 4
    sides = [embeddings(names, "silhouettes", seed=5), embeddings(names, "range_views", seed=6)]
    types = [f"{name}/{number // 120}" for number, name in enumerate(names)]
    made = calibrate(sides, [names, names], [types, types], "known", "h" * 32, "2026-11-21", RATES, SIMULATED, cohort=cohort)
    gallery.keep_calibration(made, cohort)
    return cohort


def test_scores_against_a_cohort(gallery: Gallery) -> None:
    cohort = normalised(gallery)
    found = Gallery(gallery.place).identify(tracks([*PEOPLE, "stranger"], 2), 0.1, top=12)
    assert [one.decision for one in found] == [*PEOPLE, None]
    assert "normalised by 120 embeddings of simulated people (others)" in found[0].provenance
    # As the formula says, slowly: half of the mean distance to the 20 nearest of the cohort is taken off for either side.
    asked, held = tracks([*PEOPLE, "stranger"], 2)[3], embeddings(PEOPLE * 3, "range_views")
    away = distance(asked, held)
    slow = np.empty((2, 36))
    for walk in range(2):
        mine = np.sort(distance(asked, cohort.sides["lidar"])[walk])[:20].mean()
        for template in range(36):
            theirs = np.sort(distance(held, cohort.sides["camera"])[template])[:20].mean()
            slow[walk, template] = away[walk, template] - mine / 2 - theirs / 2
    for hit in found[3].hits:
        own = [number for number in range(36) if number % 12 == PEOPLE.index(hit.person)]
        assert hit.score == pytest.approx(slow[:, own].min(1).mean(), abs=1e-5)
        assert hit.distance == pytest.approx(np.mean([away[walk, own[slow[walk, own].argmin()]] for walk in range(2)]), abs=1e-5)


def test_a_cohort_of_real_people_can_be_forgotten(gallery: Gallery) -> None:
    normalised(gallery, nobody=False)
    before = gallery.identify(tracks(["p00"]), 0.1)[0]
    assert "c03" in str(gallery.index.document("cohort"))
    assert gallery.forget("c03")[0] == 0  # not enrolled, but held
    assert "c03" not in str(gallery.index.document("cohort"))
    left = gallery.cohort()
    assert left is not None
    assert sum(len(names) for names in left.people.values()) == 114
    assert gallery.identify(tracks(["p00"]), 0.1)[0].decision == before.decision == "p00"
    with pytest.raises(UserError, match="nobody called 'c03'"):
        gallery.forget("c03")


def test_a_cohort_that_is_another_is_refused(gallery: Gallery) -> None:
    cohort = normalised(gallery)
    gallery.index.keep_document("cohort", cohort.without([""]).document() | {"set_name": "other"})
    with pytest.raises(StoreError, match=r"has lost the cohort"):
        gallery.identify(tracks(["p00"]), 0.05)
    gallery.index.keep_document("cohort", {"sides": 3})
    with pytest.raises(StoreError, match=r"the cohort of .* is damaged"):
        gallery.identify(tracks(["p00"]), 0.05)
    with pytest.raises(ValueError, match="with the cohort that it was fixed with"):
        gallery.keep_calibration(gallery.calibration())  # type: ignore[arg-type]


def test_from_memory_from_all_and_by_proposals(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the nearest are found: the same answers."""
    normalised(gallery)
    asked = tracks([*PEOPLE, "stranger"], 3)

    def answers() -> list[tuple[str | None, float, list[str]]]:
        return [(one.decision, round(one.rate, 6), [hit.person for hit in one.hits]) for one in gallery.identify(asked, 0.1, top=3)]

    wanted = answers()
    monkeypatch.setattr(gallery.index, "version", lambda: None)
    monkeypatch.setattr(room, "FIRST_PASS", 30)
    assert answers() == wanted  # some templates proposed for each walk
    monkeypatch.setattr(room, "FIRST_PASS", 1000)
    assert answers() == wanted


def test_a_gallery_of_one(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(["p00"] * 3, "range_views"), walks(["p00"] * 3))
    calibrated(made)
    found = made.identify(tracks(["p00", "stranger"]), 0.01)
    assert [(one.decision, one.people, len(one.hits)) for one in found] == [("p00", 1, 1), (None, 1, 1)]


def test_two_sensors_are_two_chances(gallery: Gallery) -> None:
    one = gallery.identify(tracks(["p00"]), 0.1)[0]
    gallery.enrol(embeddings(PEOPLE, "silhouettes", seed=21), walks(PEOPLE, tag="b"))
    both = gallery.identify(tracks(["p00", "stranger"]), 0.1)
    assert (both[0].decision, both[1].decision) == ("p00", None)
    assert both[0].hits[0].template.sensor in ("camera", "lidar")
    assert len({hit.person for hit in both[0].hits}) == len(both[0].hits)
    lidar = gallery.identify(tracks(["p00"]), 0.1, Where(sensor="lidar"))[0]
    assert lidar.threshold == one.threshold
    halved = gallery.identify(tracks(["p00"]), 0.05, Where(sensor="lidar"))[0].threshold
    assert halved < one.threshold  # what either sensor is decided at when both are compared with
    calibration = gallery.calibration()
    assert calibration is not None
    gallery.keep_calibration(calibration.model_copy(update={"directions": [one for one in calibration.directions if one.gallery == "lidar"]}))
    with pytest.raises(UserError, match=r"not calibrated for probe camera, gallery camera: .* --sensor lidar alone"):
        gallery.identify(tracks(["p00"]), 0.1)


def test_ties_go_by_name_and_expired_ones_are_nobody(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    twins = embeddings(["twin"], "range_views")
    gallery.enrol(twins, walks(["zoe"], tag="z"))
    gallery.enrol(twins, walks(["amy"], tag="y"), expire_after_s=60.0)
    first = gallery.identify(tracks(["twin"]), 0.05)[0]
    assert [hit.person for hit in first.hits[:2]] == ["amy", "zoe"]
    assert first.hits[0].score == first.hits[1].score
    assert first.people == 14
    now = time.time()
    monkeypatch.setattr(room.time, "time", lambda: now + 61)
    later = gallery.identify(tracks(["twin"]), 0.05)[0]
    assert (later.hits[0].person, later.people) == ("zoe", 13)


def test_a_stranger_nearer_than_all(gallery: Gallery) -> None:
    """Whoever is nearer than any stranger was is named, as no threshold can tell: at a rate that is but a bound."""
    found = gallery.identify([Embeddings(embeddings(["p04"], "range_views").values, "euclidean", "silhouettes", gallery.weights_hash)], 0.05)[0]
    assert found.decision == "p04"
    assert found.rate_is_bound
    assert found.rate > 0


def test_more_people_and_more_templates_than_calibrated_with_are_said(gallery: Gallery) -> None:
    crowd = [f"x{number:03d}" for number in range(60)]
    gallery.enrol(embeddings(crowd, "range_views"), walks(crowd, tag="c"))
    found = gallery.identify(tracks(["p00"]), 0.2)[0]
    assert found.beyond
    assert found.people == 72
    assert any(re.search(r"72 people of the lidar, measured up to \d+: the rate is a bound", warning) for warning in found.warnings)
    gallery.enrol(embeddings(["p00"] * 700, "range_views", seed=30), walks(["p00"] * 700, tag="d"))
    assert any("templates a person of the lidar, calibrated with 4.0" in one for one in gallery.identify(tracks(["p00"]), 0.2)[0].warnings)


def test_the_stated_rate_holds_on_other_people(tmp_path: Path) -> None:
    """Sixty strangers, never calibrated on, against galleries of others: about as many are named as the rate says, and most of the known found."""
    made = make(tmp_path / "gallery")
    people = [f"n{number:03d}" for number in range(20)]
    made.enrol(embeddings(people * 4, "range_views", 1.0, seed=40), walks(people * 4))
    calibrated(made, people=100, noise=1.0)
    strangers = made.identify(tracks([f"s{number:03d}" for number in range(60)] * 10, noise=1.0), 0.1)
    known = made.identify(tracks(people * 3, noise=1.0, seed=77), 0.1)
    assert 0.02 <= np.mean([one.decision is not None for one in strangers]) <= 0.2
    assert np.mean([one.decision == name for one, name in zip(known, people * 3, strict=True)]) > 0.8
