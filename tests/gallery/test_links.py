"""People linked and unlinked, over both back ends: answers go by the one name, nothing is lost, and forgetting reaches all."""

import json
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from gallery_people import embeddings, files_with, make, walks

from gaitbridge.errors import StoreError, UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import Where, vectors_of
from gaitbridge.types import Embeddings

OTHERS = [f"p{number:02d}" for number in range(12)]
MON, TUE, WED = (f"gate-3f9a2c7{day}-0001" for day in (1, 2, 3))  # ann on three days


def of(tracks: list[str], seed: int = 0, modality: str = "silhouettes") -> Embeddings:
    """Walks of ann, by each of these tracks."""
    return embeddings(["ann"] * len(tracks), modality, seed=seed)


@pytest.fixture(params=["lancedb", "milvus"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Gallery:
    """Twelve people, and three tracks of one more, two walks each."""
    made = make(f"{request.getfixturevalue('milvus')}/g{uuid.uuid4().hex[:8]}" if request.param == "milvus" else tmp_path / "gallery")
    made.enrol(embeddings(OTHERS * 2), walks(OTHERS * 2, site="gate"))
    for number, track in enumerate((MON, TUE, WED)):
        made.enrol(of([track] * 2, seed=10 + number), walks([track] * 2, site="gate"))
    return made


def thresholds(gallery: Gallery, rates: tuple[float, ...] = (0.1, 0.01)) -> None:
    names = [f"q{number:02d}" for number in range(40)] * 3
    sides = [embeddings(names, "silhouettes", seed=5), embeddings(names, "range_views", seed=6)]
    types = [f"{name}/{number}" for number, name in enumerate(names)]
    gallery.keep_calibration(calibrate(sides, [names, names], [types, types], "known", "h" * 32, "2026-11-21", rates))


def test_linked_they_are_one_person_and_unlinked_two_again(gallery: Gallery, tmp_path: Path) -> None:
    thresholds(gallery)
    asked = of(["?"], seed=3)
    before = gallery.search(asked, top=3)[0]
    assert {hit.person for hit in before} == {MON, TUE, WED}
    gallery.link(MON, TUE)
    gallery.link(TUE, WED)  # by way of the second
    assert gallery.links() == [[MON, TUE, WED]]
    assert gallery.check()["linked"] == 2
    assert gallery.export(tmp_path / "one.npz", WED) == 6
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        assert json.loads(str(file["document"]))["links"] == [[MON, TUE, WED]]
    for one in (gallery, Gallery(gallery.place)):
        for exact in (True, False):
            first, second = one.search(asked, top=2, exact=exact)[0]
            assert first.person == MON
            assert first.distance == before[0].distance
            assert first.template.key == before[0].template.key  # whose walk it was is still said
            assert second.person in OTHERS
    assert {answer.templates for track in (MON, TUE, WED) for answer in gallery.verify(asked, track)} == {6}
    assert [hit.person for hit in gallery.search(asked, Where(person=WED))[0]] == [MON]
    assert len(gallery.person(TUE)) == 6
    assert gallery.unlink(WED) == TUE
    assert {hit.person for hit in gallery.search(asked, top=2)[0]} == {MON, WED}
    assert gallery.unlink(TUE) == MON
    assert gallery.links() == []
    assert gallery.search(asked, top=3)[0] == before
    assert len(gallery.person(TUE)) == 2


def test_later_walks_and_later_questions(gallery: Gallery) -> None:
    """What is in memory is of the links as they are now, also after somebody was enrolled."""
    asked = of(["?"], seed=3)
    gallery.search(asked)
    gallery.link(MON, TUE)
    gallery.search(asked)
    gallery.enrol(of([TUE], seed=3), walks([TUE], tag="later", site="gate"))
    first = gallery.search(asked)[0][0]
    assert first.person == MON
    assert first.distance == pytest.approx(0, abs=1e-6)
    assert gallery.person(MON)[-1].person == TUE  # it stays theirs
    elsewhere = Gallery(gallery.place)
    elsewhere.unlink(TUE)
    assert gallery.search(asked)[0][0].person == TUE


def test_what_cannot_be_linked(gallery: Gallery) -> None:
    gallery.note_together([(MON, "p00"), ("p01", "nobody")])
    gallery.link("p05", "p06")
    gallery.link("p06", "p07")
    gallery.link(MON, TUE)
    for person, other, why in (("p05", "p07", "'p07' is linked with 'p05' already: unlink it first"), ("p07", "p05", "are one person already"),
                               ("p05", "p05", "are one person already"), (MON, "p00", "were seen at the same time"),
                               ("p00", TUE, "is linked with .* already"), (TUE, "p00", "were seen at the same time, or others linked with them"),
                               ("nobody", "p00", "nobody called 'nobody'"), ("p00", "nobody", "nobody called 'nobody'")):
        with pytest.raises(UserError, match=why):
            gallery.link(person, other)
    with pytest.raises(UserError, match="'p05' is linked with nobody; unlink 'p06', who is linked with it"):
        gallery.unlink("p05")
    with pytest.raises(UserError, match=r"'p01' is linked with nobody$"):
        gallery.unlink("p01")
    gallery.link("p01", "p00")


def test_forgetting_reaches_all(gallery: Gallery) -> None:
    gallery.note_together([(MON, "p00")])
    gallery.link(MON, TUE)
    gallery.link("p08", "p09")
    numbers = {row.person_id for row in gallery.person(MON)}
    count, remains = gallery.forget(TUE)
    assert count == 4
    assert f"with {MON}, who was linked with them" in remains
    assert set(gallery.people()) == {*OTHERS, WED}
    assert gallery.links() == [["p08", "p09"]]
    assert not numbers & {one for kind in ("links", "together") for name, entry in gallery.index.entries(kind).items()
                          for one in (name, json.dumps(entry))}
    if gallery.index.backend == "milvus":
        return  # one server for many galleries: its bytes are looked for in test_forget.py
    folder = Path(gallery.place)
    needles = [MON.encode(), TUE.encode(), *(vector.tobytes() for seed in (10, 11) for vector in vectors_of(of(["a", "a"], seed)))]
    assert [needle for needle in needles if files_with(folder, needle)] == []


def test_the_links_and_the_log_name_no_one(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(of([MON, TUE]), walks([MON, TUE]))
    made.link(MON, TUE, rate=0.001)
    made.unlink(TUE)
    made.link(MON, TUE)
    lines, _ = audit.read(made.index)
    assert [line["command"] for line in lines[-3:]] == ["link", "unlink", "link"]
    assert lines[-3]["rate"] == 0.001
    assert set(lines[-3]["people"]) == {row.person_id for row in made.person(MON)}
    assert "gate" not in (tmp_path / "gallery" / "links.json").read_text() + "".join(made.index.log_lines())


def test_what_expires_leaves_the_rest_linked(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.enrol(of(["guest"], seed=7), walks(["guest"]), expire_after_s=100.0)
    gallery.link("guest", MON)
    gallery.link("guest", TUE)
    assert gallery.links() == [["guest", MON, TUE]]
    now = time.time()
    monkeypatch.setattr("gaitbridge.gallery.gallery.time.time", lambda: now + 200)
    gallery.purge()
    assert sorted(gallery.links()[0]) == [MON, TUE]
    gallery.forget(MON)
    assert gallery.index.entries("links") == {}


def test_proposals(gallery: Gallery) -> None:
    with pytest.raises(UserError, match="has no thresholds to propose by"):
        gallery.proposals()
    thresholds(gallery)
    found = gallery.proposals()
    assert found.rate == 0.01
    assert found.pairs == 15 * 14 // 2
    assert found.by_chance == pytest.approx(1.05)
    one = found.found[0]  # the two nearest of ann's three tracks are each other's nearest
    assert {one.person, one.other} < {MON, TUE, WED}
    assert (one.sensors, one.site, one.walks) == (("camera", "camera"), "gate", (2, 2))
    assert one.rate <= 0.01
    gallery.link(one.person, one.other)
    two = gallery.proposals().found[0]
    assert {one.person, *{MON, TUE, WED} - {one.person, one.other}} == {two.person, two.other}  # the third, with both
    gallery.note_together([(two.person, two.other)])
    assert not {two.person, two.other} & {name for one in gallery.proposals().found for name in (one.person, one.other)}
    with pytest.raises(UserError, match=r"no threshold for a false-match rate of 0.5"):
        gallery.proposals(0.5)


def test_proposals_by_site_and_across_sensors(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    thresholds(made)
    made.enrol(embeddings(OTHERS, noise=0.3), walks(OTHERS, site="gate"))
    made.enrol(of([MON]), walks([MON], site="gate"))
    made.enrol(of([TUE], modality="range_views"), walks([TUE], site="yard"))
    assert not {MON, TUE} & {name for one in made.proposals().found for name in (one.person, one.other)}
    (one,) = (one for one in made.proposals(any_site=True).found if MON in (one.person, one.other))
    assert (one.person, one.other, one.sensors, one.site) == (MON, TUE, ("camera", "lidar"), "")


def test_a_damaged_file_of_links_is_one_line(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(of([MON, TUE]), walks([MON, TUE]))
    for name, text in (("links", '{"a": '), ("links", '{"a": {"of": 3}, "b": []}'), ("together", "[1]"), ("together", '{"a": {"with": 3}}')):
        (tmp_path / "gallery" / f"{name}.json").write_text(text)
        with pytest.raises(StoreError, match="is damaged") as caught:
            Gallery(tmp_path / "gallery").check()
        assert "\n" not in str(caught.value)
        (tmp_path / "gallery" / f"{name}.json").unlink()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """No command makes one; two programs on Milvus at one moment may."""
    made = make(tmp_path / "gallery")
    made.enrol(of([MON, TUE]), walks([MON, TUE]))
    first, second = (made.person(track)[0].person_id for track in (MON, TUE))
    made.index.keep_entries("links", {first: {"of": second}, second: {"of": first}})
    assert len(made.links()) <= 1
    assert made.search(of(["?"], seed=3))[0]
    assert made.unlink(MON) == TUE
    assert made.unlink(TUE) == MON
    assert made.links() == []
