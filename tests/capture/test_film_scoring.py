"""The scoring of captures of labelled film, on tiny made-up labels; and that the labels of the repository are sound."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from film_clips import CLIPS
from film_labels import FOLDER, Box, Film, Mask, labelled_clips, packed, read_film, unpacked
from film_scoring import iou, overlaps, pasted, score
from film_variants import beside, cuts, moved, pan, part, pictures
from video_files import SIZE, paint, times, walk, write_video

from gaitbridge.errors import StoreError
from gaitbridge.geometry.silhouette import align

STEPS = [0, 10, 20, 30]


def box(person: str, frame: int, left: float, width: float = 40.0, **how: Any) -> Box:
    """A person of 100 rows."""
    return Box(person, frame, np.array([100.0, left, 200.0, left + width]), **how)


def film(*boxes: Box, masks: tuple[Mask, ...] = ()) -> Film:
    return Film("drawn", (300, 800), 40, 10.0, STEPS, list(boxes), list(masks))


def track(number: int, lefts: dict[int, float], width: float = 40.0, kept: bool = True, **more: Any) -> dict[str, Any]:
    """A track as the reader gives it, with its box at `lefts` of each frame."""
    count = len(lefts)
    boxes = np.array([[100.0, left, 200.0, left + width] for left in lefts.values()]) - 0.5
    return {"number": number, "frame": np.array(list(lefts)), "box": boxes, "runs": [np.arange(count)] if kept else [],
            "silhouette": np.zeros((count, 64, 44), np.uint8), "window": np.zeros((count, 4))} | more


def test_frames_that_are_wanted_and_kept_are_counted() -> None:
    labels = film(*(box("ann", k, 10.0 + k) for k in STEPS), *(box("bob", k, 300.0 + k, walking=k > 0) for k in STEPS))
    found = {"tracks": [track(0, {k: 10.0 + k for k in STEPS}), track(1, {0: 300.0, 10: 310.0}), track(2, {20: 320.0}, kept=False)]}
    result = score(labels, found)
    assert (result.wanted, result.kept) == (7, 5)  # bob stands in frame 0; his frames 20 and 30 are not in a sequence
    assert result.lost == [(20, "bob"), (30, "bob")]
    assert result.also["not walking"] == 1
    assert (result.mixed, result.several, result.parts, result.nobody) == ({}, [], [], [])
    assert (result.visits, result.visits_kept, result.pieces) == (2, 2, 2)
    assert (result.sequences, result.frames_kept) == (2, 6)


@pytest.mark.parametrize("how", [{"hidden": 0.3}, {"cut": True}, {"walking": False}])
def test_who_need_not_be_kept_is_no_loss(how: dict[str, Any]) -> None:
    result = score(film(box("ann", 0, 10.0, **how), Box("far", 0, np.array([0.0, 500.0, 50.0, 520.0]))), {"tracks": []})
    assert (result.wanted, result.lost) == (0, [])


def test_a_track_that_goes_over_to_another_person_is_mixed() -> None:
    labels = film(*(box("ann", k, 10.0) for k in STEPS), *(box("bob", k, 300.0) for k in STEPS))
    swapped = track(5, {0: 10.0, 10: 10.0, 20: 300.0, 30: 300.0})
    assert score(labels, {"tracks": [swapped]}).mixed == {5: ["ann", "bob"]}
    unkept = score(labels, {"tracks": [swapped | {"runs": [np.array([0, 1])]}]})
    assert (unkept.mixed, unkept.mixed_seen) == ({}, {5: ["ann", "bob"]})


def test_boxes_around_two_a_part_and_nobody_are_told_apart() -> None:
    labels = film(box("ann", 0, 100.0), box("bob", 0, 145.0), box("eve", 0, 600.0))
    found = {"tracks": [track(0, {0: 100.0}, width=85.0), track(1, {0: 605.0}, width=15.0), track(2, {0: 400.0})]}
    result = score(labels, found)
    assert (result.several, result.parts, result.nobody) == ([(0, 0)], [(0, 1)], [(0, 2)])
    assert (result.beside, result.beside_kept) == (2, 0)  # a box of 85 columns is half of neither


def test_a_hidden_person_within_anothers_box_makes_no_pair() -> None:
    labels = film(box("ann", 0, 100.0), box("bob", 0, 102.0, hidden=0.8))
    assert score(labels, {"tracks": [track(0, {0: 100.0})]}).several == []


def test_each_visit_counts_and_the_pieces_that_it_fell_into() -> None:
    steps = list(range(0, 100, 10))
    labels = replace(film(*(box("ann", k, 10.0) for k in (0, 10, 20, 30, 70, 80))), labelled=steps)
    found = {"tracks": [track(0, {0: 10.0, 10: 10.0}), track(1, {20: 10.0, 30: 10.0})]}
    result = score(labels, found)
    assert (result.visits, result.visits_kept, result.pieces) == (2, 1, 2)


def test_overlap_with_masks_aligned_and_in_native_pixels() -> None:
    shape = np.zeros((100, 40), bool)
    shape[:, 10:30] = True
    worse = shape.copy()
    worse[50:] = False
    worse[50:, 10:20] = True  # a leg is missing: a quarter of the body
    labels = film(box("ann", 0, 10.0), masks=(Mask("ann", 0, 100, 10, shape), Mask("ann", 10, 100, 10, shape)))
    silhouette, window = align(worse, (64, 44))
    shown = track(0, {0: 10.0}, silhouette=silhouette[None], window=window[None] + np.array([100, 10, 100, 10]))
    first, second = overlaps(labels, {"tracks": [shown]}, {"tracks": [shown]})
    assert first.native == pytest.approx(0.75, abs=0.03)  # 64 rows of 100
    assert first.aligned == pytest.approx(iou(align(shape, (64, 44))[0] > 0, silhouette > 0))
    assert first.aligned < 0.8
    assert np.isnan(second.aligned)  # nobody was kept there
    assert np.isnan(second.native)


def test_a_pasted_silhouette_lies_where_it_came_from() -> None:
    picture = np.zeros((120, 90), bool)
    picture[20:84, 30:50] = True
    silhouette, window = align(picture, (64, 44))
    assert (pasted(silhouette > 0, window, (120, 90)) == picture).all()


def test_masks_come_back_from_their_file_form() -> None:
    mask = Mask("ann", 3, 5, 7, np.random.default_rng(0).random((13, 11)) > 0.5)
    back = unpacked(packed(mask))  # type: ignore[arg-type]
    assert (back.person, back.frame, back.top, back.left) == ("ann", 3, 5, 7)
    assert (back.mask == mask.mask).all()


def test_labels_move_with_the_picture_and_are_cut_where_it_ends() -> None:
    labels = part(film(box("ann", 10, 10.0), box("bob", 20, 300.0), box("eve", 20, 10.0)), 10, 30, "later")
    assert (labels.frames, labels.labelled) == (20, [0, 10])
    seen = moved(labels, lambda frame: (0.0, 30.0 + frame), (300, 700))
    assert {one.person: (one.box[1], one.box[3], one.cut) for one in seen.boxes} == {"ann": (0.0, 20.0, True), "bob": (260.0, 300.0, False),
                                                                                  "eve": (0.0, 10.0, True)}  # fmt: skip


@pytest.mark.parametrize("clip", labelled_clips())
def test_the_labels_of_the_repository_are_sound(clip: str) -> None:
    labels = read_film(clip)
    assert clip in {one.name for one in CLIPS}
    assert len({(one.person, one.frame) for one in labels.boxes}) == len(labels.boxes)
    known = {(one.person, one.frame): one for one in labels.boxes}
    for one in labels.boxes:
        assert one.frame in labels.labelled
        assert (one.box[:2] >= 0).all()
        assert (one.box[2:] <= labels.size).all()
        assert (one.box[2:] - one.box[:2] > 2).all()
        assert 0 <= one.hidden < 1
    for mask in labels.masks:
        label = known[mask.person, mask.frame]
        rows, columns = np.flatnonzero(mask.mask.any(1)) + mask.top, np.flatnonzero(mask.mask.any(0)) + mask.left
        tight = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
        tolerance = max(5.0, 0.06 * float(label.box[2] - label.box[0]))
        assert np.abs(tight - label.box).max() <= (tolerance if label.whole else 1e9), (mask.person, mask.frame, tight, label.box)


def test_damaged_labels_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "vtest.json").write_bytes((FOLDER / "vtest.json").read_bytes()[:500])
    with pytest.raises(StoreError, match="is damaged"):
        read_film("vtest", tmp_path)


def test_films_made_of_a_film_show_what_their_labels_say(tmp_path: Path) -> None:
    masks = walk(24, start=60.0, step=3.0, height=60.0)
    path = write_video(tmp_path / "drawn.mkv", [paint([mask], [(30, 30, 200)], k) for k, mask in enumerate(masks)], times(24, 10.0))
    labels = Film("drawn", SIZE, 24, 10.0, [0, 10, 20], [_bounds("ann", k, masks[k]) for k in (0, 10, 20)], [])
    panned = pan(path, labels, tmp_path / "made", 0, 24, 0.5)
    assert panned.film is not None
    seen = list(pictures(panned.path))
    for box in panned.film.boxes:  # the figure is red: where its label says, in every one
        assert np.abs(_bounds("ann", box.frame, seen[box.frame][:, :, 2] > 165).box - box.box).max() <= 3
    doubled = beside(path, labels, tmp_path / "made", 0, 24, "ann", 10)
    assert doubled.film is not None
    (picture,) = pictures(doubled.path, 10, 11)
    for box in (one for one in doubled.film.boxes if one.frame == 10):
        low, high = box.box[:2].astype(int), box.box[2:].astype(int)
        assert np.abs(_bounds("", 10, picture[low[0] : high[0], low[1] : high[1], 2] > 165).box[2:] - (high - low)).max() <= 4
    cut = cuts(path, labels, path, tmp_path / "made", 0, 24, 1.0)
    assert cut.film is not None
    assert cut.film.labelled == [0, 20]  # pieces change at 5 and 15, and the second is the other scene
    assert {box.frame for box in cut.film.boxes} == {0, 20}


def _bounds(person: str, frame: int, mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.sum(1) > 1), np.flatnonzero(mask.sum(0) > 1)
    return Box(person, frame, np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1], float))
