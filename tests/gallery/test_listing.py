"""Who is enrolled, a page at a time."""

from pathlib import Path

import pytest
from gallery_people import embeddings, make, walks

from gaitbridge.errors import UserError
from gaitbridge.gallery import audit
from gaitbridge.gallery.gallery import Gallery

NAMES = ["ann", "Ánna", "Ben", "cleo", "dora", "eve"]


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    made = make(tmp_path / "gallery")
    made.enrol(embeddings(NAMES), walks(NAMES, site="north", recorded_s=1.7e9))
    made.enrol(embeddings(["ann"], "range_views"), walks(["ann"], tag="b", site="south", recorded_s=1.8e9), expire_after_s=100.0)
    return made


def test_pages_go_on_where_the_last_ended(gallery: Gallery) -> None:
    pages, after = [], ""
    while True:
        page = gallery.page(after=after, count=2)
        pages.append([one.person for one in page.people])
        assert page.total == 6
        if page.after is None:
            break
        after = page.after
    assert pages == [["ann", "Ben"], ["cleo", "dora"], ["eve", "Ánna"]]
    with pytest.raises(UserError, match="ask for 1 to 500"):
        gallery.page(count=0)
    assert gallery.page(after="Ánna").people == []


def test_what_is_said_of_one(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    (ann,) = gallery.page(site="south").people
    assert (ann.templates, ann.sites, ann.last_recorded_s, ann.expired) == ({"camera": 1, "lidar": 1}, ("north", "south"), 1.8e9, 0)
    assert ann.first_expiry_s == pytest.approx(ann.first_enrolled_s + 100, abs=5)
    monkeypatch.setattr("gaitbridge.gallery.looking.time.time", lambda: ann.first_expiry_s + 1)
    assert gallery.page("ann").people[0].expired == 1


def test_filtered(gallery: Gallery) -> None:
    assert [one.person for one in gallery.page("NN").people] == ["ann", "Ánna"]
    assert [one.person for one in gallery.page("A\u0301nn").people] == ["Ánna"]  # typed on another keyboard
    assert [one.person for one in gallery.page(sensor="lidar").people] == ["ann"]
    assert gallery.page(sensor="lidar", site="north").people == []
    assert gallery.page("nobody").total == 0


def test_linked_people_are_one_and_found_by_either_name(gallery: Gallery) -> None:
    gallery.link("Ben", "eve")
    assert gallery.page().total == 5
    (ben,) = gallery.page("eve").people
    assert (ben.person, ben.also, ben.templates) == ("Ben", ("eve",), {"camera": 2})


def test_it_is_in_the_log_and_names_no_one(gallery: Gallery) -> None:
    gallery.page("ann")
    line = audit.read(gallery.index)[0][-1]
    assert (line["command"], line["page"]) == ("list", 1)
    assert "ann" not in str(line)
    number = gallery.person("dora")[0].person_id
    assert [one["command"] for one in gallery.audit_of([number])] == ["enrol", "list"]
