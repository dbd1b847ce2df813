"""Keypoints in the field's forms give the same arrays; those in space are drawn as their sensor sees them, whatever its axes, or left out."""

import json
from pathlib import Path

import numpy as np
import pytest
from published_trees import in_space

from gaitbridge.data.importers._dataset import Place, Reading
from gaitbridge.data.importers._own import Own, import_folder
from gaitbridge.data.importers._poses import POSE_FIELDS, poses, poses_in_space
from gaitbridge.errors import UserError
from gaitbridge.geometry.skeleton_maps import skeleton_maps
from gaitbridge.store import FIELDS, Store

HERE = Path("pose.pkl")
RANDOM = np.random.default_rng(0)
KEYPOINTS = (RANDOM.random((4, 17, 3)) * [100, 200, 1]).astype(np.float32)


def reading(*wanted: str) -> Reading:
    return Reading(Place("1", "a", "b", (Path(),)), frozenset(wanted or POSE_FIELDS))


@pytest.mark.parametrize("value", [
    KEYPOINTS, list(KEYPOINTS), KEYPOINTS[:, None], KEYPOINTS.reshape(4, 51), KEYPOINTS.astype(float).tolist(),
    [{"image_id": n, "keypoints": one.ravel().tolist(), "score": 2.1} for n, one in enumerate(KEYPOINTS)],
    {"annotations": [{"keypoints": one.ravel().tolist()} for one in KEYPOINTS]},
], ids=["array", "list", "a person an axis", "flat", "numbers", "COCO's results", "COCO's annotations"])  # fmt: skip
def test_all_forms_give_the_same(value: object) -> None:
    made = poses(reading(), value, HERE)
    assert set(made) == set(POSE_FIELDS)
    assert np.array_equal(made["keypoints"], KEYPOINTS)
    assert np.array_equal(made["skeletons"], KEYPOINTS)
    assert np.array_equal(made["pose_heatmaps"], skeleton_maps(KEYPOINTS, (64, 64)))


def test_what_is_not_known_is_said() -> None:
    noted = reading()
    sure = poses(noted, KEYPOINTS[..., :2], HERE)
    assert (sure["keypoints"][..., 2] == 1).all()
    gone = np.where(np.arange(17)[:, None] == 9, np.nan, KEYPOINTS)
    assert not poses(noted, gone, HERE)["skeletons"][:, 9].any()
    assert "pose_heatmaps" not in poses(noted, gone, HERE)
    kinds = {kind for kind, _ in noted.notes}
    assert kinds >= {"keypoints without confidences, taken as sure", "no pose_heatmaps, since it has no pixel in any of its 4 frames"}
    for wrong, words in ((KEYPOINTS[:, :13], r"\[4, 13, 3\] instead of COCO's"), ([{"score": 1}], "entry 0 of its list has no 'keypoints'")):
        with pytest.raises(UserError, match=words):
            poses(reading(), wrong, HERE)


@pytest.mark.parametrize("axes", [np.eye(3), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], [[0, -1, 0], [0, 0, -1], [1, 0, 0]]],
                         ids=["x ahead", "y ahead, z up", "a camera's"])
def test_in_space_they_are_drawn_as_their_sensor_sees_them(axes: object) -> None:
    joints, drawn = in_space(np.random.default_rng(1))
    turned = joints @ np.asarray(axes, float).T
    found = poses_in_space(reading(), turned, HERE)["pose_heatmaps"].astype(int)
    assert np.abs(found - drawn).max() <= 12  # the drawn ones look along x at everybody, not at the hips


@pytest.mark.parametrize(("change", "words"), [
    (lambda joints: np.roll(joints, 6, axis=1), "do not stand over each other"), (lambda joints: joints - [8, 0, 0], "not about a sensor"),
    (lambda joints: joints * np.nan, "not finite"), (lambda joints: joints[:, :20], "form that is not known"),
])  # fmt: skip
def test_in_space_what_cannot_be_is_left_out(change: object, words: str) -> None:
    noted = reading()
    assert poses_in_space(noted, change(in_space(np.random.default_rng(2))[0]), HERE) == {}  # type: ignore[operator]
    assert words in noted.notes[0][0]


def test_a_folder_of_results_in_json(tmp_path: Path) -> None:
    for person in ("ann", "ben"):
        file = tmp_path / "poses" / person / "walk-1" / "090.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps([{"image_id": n, "keypoints": one.ravel().tolist()} for n, one in enumerate(KEYPOINTS)]))
    layouts = {"keypoints": "{person}/{type}/{view}.json"}
    import_folder(Own(tmp_path / "poses", layouts), tmp_path / "store")
    store = Store(tmp_path / "store")
    assert len(store.rows) == 2
    assert set(store.read(0, FIELDS).arrays) == set(POSE_FIELDS)
