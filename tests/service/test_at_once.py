"""Nobody walks twice at once."""

from typing import Any

from gaitbridge.service.at_once import against, once


def line(who: str | None, start_s: float, end_s: float, distance: float = 0.1, **more: Any) -> dict[str, Any]:
    answer = {"decision": who, "outcome": "nobody" if who is None else "named", "start_s": start_s, "end_s": end_s, "source": "gate", "film": "a.mp4",
              "part": 0, "hits": [{"person": "ann", "distance": distance}], "warnings": []}  # fmt: skip
    return answer | more


def test_of_two_at_once_the_nearer_keeps_the_name() -> None:
    far, near, other = line("ann", 0, 5, 0.3), line("ann", 2, 9, 0.2), line("ben", 0, 9, 0.4)
    answers = once([far, near, other])
    assert [one["decision"] for one in answers] == [None, "ann", "ben"]
    assert answers[0]["outcome"] == "nobody"
    assert "ann was seen at the same time" in answers[0]["warnings"][0]
    assert far["decision"] == "ann"  # what was given is as it was


def test_one_after_the_other_elsewhere_or_in_another_part_is_one_person_again() -> None:
    first = line("ann", 0, 5)
    elsewhere = (line("ann", 2, 9, source="yard"), line("ann", 2, 9, part=1), line("ann", 2, 9, film="b.mp4"))
    for later in (line("ann", 4.5, 9), *elsewhere, line(None, 2, 9)):
        assert once([first, later]) == [first, later]
        assert against(later, [first]) == later


def test_who_gave_up_a_name_keeps_nobody_else_from_it() -> None:
    long, middle, late = line("ann", 0, 5, 0.1), line("ann", 3, 12, 0.2), line("ann", 10, 15, 0.3)
    assert [one["decision"] for one in once([long, middle, late])] == ["ann", None, "ann"]


def test_an_answer_that_was_given_stays_and_the_later_one_tells() -> None:
    given = line("ann", 0, 5, 0.2)
    assert against(line("ann", 2, 9, 0.3), [given])["decision"] is None
    nearer = against(line("ann", 2, 9, 0.1), [given])
    assert nearer["decision"] == "ann"
    assert "another walk was called ann at the same time" in nearer["warnings"][0]
