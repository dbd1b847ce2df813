"""People enrolled, asked for, verified, kept no longer than agreed."""

import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from gallery_people import SHAPE, embeddings, make, walks

import gaitbridge.gallery.asking as room
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.ranking.matrix import distance
from gaitbridge.gallery import audit
from gaitbridge.gallery.answers import template_distances
from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.gallery.templates import Template, Walk, Where, instant, sequence_id, span_s, vectors_of
from gaitbridge.types import Distance, Embeddings

PEOPLE = [f"p{number:02d}" for number in range(12)]


@pytest.fixture(params=["lancedb", "milvus"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path) -> Gallery:
    """Three LiDAR templates of each of twelve people."""
    made = make(f"{request.getfixturevalue('milvus')}/g{uuid.uuid4().hex[:8]}" if request.param == "milvus" else tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE * 3, "range_views"), walks(PEOPLE * 3, site="north"))
    return made


def thresholds(gallery: Gallery, rates: tuple[float, ...] = (0.1,)) -> None:
    names = [f"q{number:02d}" for number in range(20)] * 3
    sides = [embeddings(names, "silhouettes", seed=5), embeddings(names, "range_views", seed=6)]
    types = [f"{name}/{number}" for number, name in enumerate(names)]
    gallery.keep_calibration(calibrate(sides, [names, names], [types, types], "known", "h" * 32, "2026-11-21", rates))


def test_asked_by_camera_enrolled_by_lidar(gallery: Gallery) -> None:
    queries = embeddings(PEOPLE, "silhouettes", seed=9)
    found = gallery.search(queries, top=3)
    assert [hits[0].person for hits in found] == PEOPLE
    assert all(len({hit.person for hit in hits}) == 3 for hits in found)
    assert all(hit.rate is None and hit.template.sensor == "lidar" for hits in found for hit in hits)
    enrolled = embeddings(PEOPLE * 3, "range_views")
    exact = distance(queries, Embeddings(enrolled.values, "euclidean", "range_views", enrolled.weights_hash))
    for number, hits in enumerate(found):  # a person is as near as the nearest of their templates, by the exact part distance
        assert hits[0].distance == pytest.approx(exact[number, number::12].min(), rel=1e-5)
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)


def test_and_back(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE, "silhouettes"), walks(PEOPLE))
    assert [hits[0].person for hits in made.search(embeddings(PEOPLE, "range_views", seed=9))] == PEOPLE


def test_the_same_sequence_is_one_template(gallery: Gallery) -> None:
    again = gallery.enrol(embeddings(PEOPLE * 3, "range_views"), walks(PEOPLE * 3))
    assert again.added == {}
    assert again.known == dict.fromkeys(PEOPLE, 3)
    assert gallery.check()["templates"] == 36
    with pytest.raises(UserError, match="is enrolled already, as 'p00', so it cannot be 'somebody'"):
        gallery.enrol(embeddings(["p00"], "range_views"), [Walk(walks(PEOPLE)[0].id, "somebody", "k", "d")])
    twice = [Walk("same", "new", "k1", "d"), Walk("same", "new", "k2", "d")]
    assert gallery.enrol(embeddings(["new", "new"], "range_views"), twice).added == {"new": 1}


def test_later_walks_join_the_person(gallery: Gallery) -> None:
    gallery.enrol(embeddings(["p00"], "silhouettes"), walks(["p00"], tag="later"))
    rows = gallery.person("p00")
    assert [row.sensor for row in rows].count("camera") == 1
    assert len(rows) == 4
    assert len({row.person_id for row in rows}) == 1


def test_another_network_is_refused(gallery: Gallery) -> None:
    other = embeddings(["p00"], "range_views", weights="f" * 32)
    for ask in (lambda: gallery.enrol(other, walks(["p00"])), lambda: gallery.search(other), lambda: gallery.verify(other, "p00")):
        with pytest.raises(UserError, match="templates of another network") as caught:
            ask()
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="not finite"):
        gallery.enrol(Embeddings(np.full((1, *SHAPE), np.nan, np.float32), "euclidean", "range_views", other.weights_hash[:0] + gallery.weights_hash),
                      walks(["p00"]))
    with pytest.raises(UserError, match="holds embeddings of shape"):
        gallery.search(Embeddings(np.zeros((1, 3, 3), np.float32), "euclidean", "range_views", gallery.weights_hash))


def test_filters_of_a_search(gallery: Gallery) -> None:
    gallery.enrol(embeddings(["q"], "silhouettes"), walks(["q"], site="south", recorded_s=1000.0))
    asked = embeddings(["p00"], seed=4)
    assert [hit.person for hit in gallery.search(asked, Where(sensor="camera"))[0]] == ["q"]
    assert [hit.person for hit in gallery.search(asked, Where(site="south"))[0]] == ["q"]
    assert [hit.person for hit in gallery.search(asked, Where(until_s=2000.0))[0]] == ["q"]
    assert "q" not in {hit.person for hit in gallery.search(asked, Where(since_s=2000.0), top=99)[0]}
    with pytest.raises(UserError, match=r"no template to compare with \(site east"):
        gallery.search(asked, Where(site="east"))


def test_without_a_calibration_nothing_is_decided(gallery: Gallery) -> None:
    with pytest.raises(UserError, match="no thresholds to decide by: fix them with `gaitbridge calibrate"):
        gallery.verify(embeddings(["p00"]), "p00")


def test_verification(gallery: Gallery) -> None:
    thresholds(gallery, (0.1, 0.03))
    own = gallery.verify(embeddings(["p00"], seed=4), "p00")[0]
    assert own.accepted
    assert (own.probe, own.gallery, own.templates, own.rate) == ("camera", "lidar", 3, 0.03)
    assert "calibrated on known (hhhhhhhh), 2026-11-21" in own.provenance
    assert sum(answer.accepted for answer in gallery.verify(embeddings(PEOPLE[1:], seed=4), "p00")) <= 1
    with pytest.raises(UserError, match=r"no threshold for a false-match rate of 0.001 .* calibrated: 0.1, 0.03"):
        gallery.verify(embeddings(["p00"]), "p00", rate=0.001)
    with pytest.raises(UserError, match=r"nobody called 'p0' is enrolled in .*: did you mean 'p10'"):
        gallery.verify(embeddings(["p00"]), "p0")
    hits = gallery.search(embeddings(["p00"], seed=4), top=12)[0]
    assert hits[0].below  # nearer than any thirty strangers
    assert hits[-1].rate is not None
    assert hits[-1].rate > 0.1


def test_a_calibration_of_another_network_or_direction(gallery: Gallery) -> None:
    names = [f"q{number:02d}" for number in range(20)] * 3
    types = [str(number) for number in range(60)]
    other = calibrate([embeddings(names, weights="e" * 32)], [names], [types], "x", "h", "d", (0.1,))
    with pytest.raises(UserError, match="calibrated for another network"):
        gallery.keep_calibration(other)
    gallery.keep_calibration(calibrate([embeddings(names)], [names], [types], "x", "h", "d", (0.1,)))
    with pytest.raises(UserError, match="not calibrated for probe camera, gallery lidar"):
        gallery.verify(embeddings(["p00"]), "p00")


def test_expired_templates_never_match_and_go(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.enrol(embeddings(["guest"], "range_views"), walks(["guest"]), expire_after_s=span_s("2d"))
    asked = embeddings(["guest"], seed=3)
    assert gallery.search(asked)[0][0].person == "guest"
    now = time.time()
    monkeypatch.setattr(room.time, "time", lambda: now + span_s("3d"))
    assert "guest" not in {hit.person for hit in gallery.search(asked, top=99)[0]}
    assert "guest" not in {hit.person for hit in gallery.search(asked, top=99, exact=True)[0]}
    assert gallery.check()["expired"] == 1
    assert gallery.enrolled([walks(["guest"])[0].id]) == {}
    assert gallery.enrol(embeddings(["other"], "range_views"), walks(["other"])).added == {"other": 1}
    assert "guest" not in gallery.people()  # purged by the next write
    assert gallery.check()["expired"] == 0


def test_forgetting_logs_the_expired_that_go_along(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.enrol(embeddings(["guest"], "range_views"), walks(["guest"]), expire_after_s=60.0)
    now = time.time()
    monkeypatch.setattr(room.time, "time", lambda: now + 61)
    gallery.forget("p03")
    assert [(line["command"], line["templates"]) for line in audit.read(gallery.index)[0][-2:]] == [("forget", 3), ("purge", 1)]
    assert "guest" not in gallery.people()


def test_purge(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.enrol(embeddings(["guest"], "range_views"), walks(["guest"]), expire_after_s=60.0)
    now = time.time()
    monkeypatch.setattr(room.time, "time", lambda: now + 61)
    assert gallery.purge() == 1
    assert gallery.purge() == 0
    assert gallery.check()["templates"] == 36


def test_many_templates_of_one_person_hide_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass proposes more until there are as many people as were asked for."""
    monkeypatch.setattr(room, "FIRST_PASS", 4)
    made = make(tmp_path / "gallery")
    monkeypatch.setattr(made.index, "version", lambda: None)  # as where a server searches
    names = ["crowd"] * 150 + PEOPLE
    made.enrol(embeddings(names, noise=0.01), walks(names))
    found = made.search(embeddings(["crowd"], noise=0.01, seed=2), top=5)[0]
    assert [hit.person for hit in found] == [hit.person for hit in made.search(embeddings(["crowd"], noise=0.01, seed=2), top=5, exact=True)[0]]
    assert len(found) == 5
    assert found[0].person == "crowd"


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_the_first_pass_loses_next_to_nothing(tmp_path: Path, kind: Distance, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"s{number:03d}" for number in range(500)] * 2
    made = make(tmp_path / "gallery", kind)
    monkeypatch.setattr(made.index, "version", lambda: None)  # as where a server searches
    made.enrol(embeddings(names, noise=1.0, distance=kind), walks(names))
    asked = embeddings([f"s{number:03d}" for number in range(0, 500, 10)], noise=1.0, seed=8, distance=kind)
    calls: list[int] = []
    first = made.index.nearest

    def counted(vector: np.ndarray, count: int, where: Where) -> tuple[list[Template], np.ndarray]:
        calls.append(count)
        return first(vector, count, where)

    monkeypatch.setattr(made.index, "nearest", counted)
    fast, exact = made.search(asked), made.search(asked, exact=True)
    assert len(calls) == 50
    same = [a[0].person == b[0].person and a[0].distance == pytest.approx(b[0].distance, rel=1e-5) for a, b in zip(fast, exact, strict=True)]
    assert np.mean(same) == 1.0


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_distances_are_those_of_the_evaluation(kind: Distance) -> None:
    one, other = embeddings(PEOPLE, distance=kind), embeddings(PEOPLE[:5], "range_views", distance=kind, seed=3)
    assert np.allclose(template_distances(one, vectors_of(other)), distance(one, other), rtol=1e-5, atol=1e-6)
    near = embeddings(PEOPLE, noise=0.3 + 1e-4, distance=kind)
    assert np.allclose(template_distances(one, vectors_of(near)).diagonal(), distance(one, near).diagonal(), rtol=1e-3, atol=2e-7)


def test_an_empty_gallery_and_an_unknown_person(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    with pytest.raises(UserError, match="is empty: enrol somebody first"):
        made.search(embeddings(["p00"]))
    with pytest.raises(UserError, match="nobody called 'p00'"):
        made.forget("p00")
    with pytest.raises(UserError, match="nobody called 'p00'"):
        made.person("p00")
    with pytest.raises(UserError, match="nothing to export"):
        made.export(tmp_path / "out.npz")
    assert made.check()["templates"] == 0
    with pytest.raises(UserError, match="cannot be a person's name"):
        made.enrol(embeddings(["p00"]), [Walk("i", " ", "k", "d")])


def test_export_has_everything(gallery: Gallery, tmp_path: Path) -> None:
    import json

    assert gallery.export(tmp_path / "one.npz", "p03") == 3
    with np.load(tmp_path / "one.npz", allow_pickle=False) as file:
        document = json.loads(str(file["document"]))
        vectors = file["vectors"]
    assert {one["person"] for one in document["templates"]} == {"p03"}
    assert {line["command"] for line in document["audit"]} == {"enrol", "export"}
    wanted = vectors_of(embeddings(PEOPLE * 3, "range_views"))[3::12]
    assert sorted(map(bytes, vectors)) == sorted(map(bytes, wanted))
    assert gallery.export(tmp_path / "all.npz") == 36


def test_the_audit_log_names_commands_and_no_one(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAITBRIDGE_ACTOR", "the desk")
    gallery.search(embeddings(["p00"]))
    gallery.forget("p03")
    lines, broken = audit.read(gallery.index)
    assert broken == 0
    assert [line["command"] for line in lines] == ["create", "enrol", "search", "forget"]
    assert lines[-1]["actor"] == "the desk"
    assert lines[-1]["templates"] == 3
    assert "p03" not in "".join(gallery.index.log_lines())


def test_damage_is_one_line(tmp_path: Path) -> None:
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(PEOPLE), walks(PEOPLE))
    data = next((tmp_path / "gallery" / "templates.lance" / "data").iterdir())
    whole = data.read_bytes()
    vector = vectors_of(embeddings(PEOPLE))[4].tobytes()
    assert vector in whole
    data.write_bytes(whole.replace(vector, vector[:-1] + bytes([vector[-1] ^ 1])))
    with pytest.raises(StoreError, match="of 'p04' is not what was enrolled"):
        Gallery(tmp_path / "gallery").check()
    data.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="it is damaged: look with `gallery check`") as caught:
        Gallery(tmp_path / "gallery").check()
    assert "\n" not in str(caught.value)
    data.write_bytes(whole)
    (tmp_path / "gallery" / "gallery.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        Gallery(tmp_path / "gallery")


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(UserError, match="exists and is no gallery"):
        make(tmp_path / "photos")
    with pytest.raises(StoreError, match="is not a gallery"):
        Gallery(tmp_path / "photos")


def test_times_and_spans() -> None:
    assert instant("1970-01-02", "--since") == 86_400
    assert instant("1970-01-01T01:00+01:00", "--since") == 0
    assert instant(None, "--since") is None
    assert span_s("30d") == 30 * 86_400
    for wrong in ("30", "d", "-3d", "", "infd", "nand"):
        with pytest.raises(UserError, match="no span of time"):
            span_s(wrong)
    with pytest.raises(UserError, match="--since 'soon' is no time"):
        instant("soon", "--since")


def test_a_sequence_is_known_by_its_content() -> None:
    one = np.zeros((3, 4, 4), np.uint8)
    assert sequence_id("silhouettes", {"silhouettes": one}) == sequence_id("silhouettes", {"silhouettes": one.copy()})
    others = [sequence_id("range_views", {"silhouettes": one}), sequence_id("silhouettes", {"silhouettes": one[:2]}),
              sequence_id("silhouettes", {"silhouettes": one.reshape(4, 3, 4)}), sequence_id("silhouettes", {"silhouettes": one + np.uint8(1)})]
    assert len({sequence_id("silhouettes", {"silhouettes": one}), *others}) == 5
