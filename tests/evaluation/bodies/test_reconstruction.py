"""Errors of 3D bodies: known answers, slow plain code, an independent Procrustes; rows, intervals, mean poses, files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from fake_bodies import MIRRORS, moved, random_bodies
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.bodies.errors import METRICS, MIRRORINGS, Mirrors, frame_errors, mirrored, mpjpe_mm, pa_mpjpe_mm, procrustes
from gaitbridge.evaluation.bodies.reconstruction import (
    ReconstructionRow,
    SequenceErrors,
    find_reconstruction,
    mean_pose,
    mean_poses,
    measure,
    read_reconstruction,
    reconstruction_rows,
    sequence_errors,
    write_reconstruction,
)
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.types import Bodies

ROW = {"key": "p0/normal-0/000", "person": "p0", "view": "000", "condition": "normal"}


def slow_mpjpe_mm(recovered: np.ndarray, truth: np.ndarray) -> list[float]:
    found = []
    for own, true in zip(recovered.astype(float), truth.astype(float), strict=True):
        distances = [np.sqrt(sum(((own[p] - own[0]) - (true[p] - true[0])) ** 2)) for p in range(len(own))]
        found.append(1000 * sum(distances) / len(distances))
    return found


def rotated_scaled(points: np.ndarray, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    turns = Rotation.random(len(points), rng=random).as_matrix()
    return random.uniform(0.3, 3, (len(points), 1, 1)) * (points @ turns) + random.normal(0, 2, (len(points), 1, 3))


def test_a_known_offset_gives_known_millimetres() -> None:
    truth = random_bodies(0).joints
    wrong = truth.copy()
    wrong[:, 3] += [0.03, 0.0, 0.04]  # 50 mm at one of 6 joints
    assert mpjpe_mm(wrong, truth) == pytest.approx(np.full(5, 50 / 6), rel=1e-5)
    assert mpjpe_mm(truth + np.asarray([7.0, -1.0, 0.2], np.float32), truth) == pytest.approx(np.zeros(5), abs=1e-3)


def test_a_wrong_root_moves_every_other_joint() -> None:
    truth = random_bodies(0).joints
    wrong = truth.copy()
    wrong[:, 0] += [0.0, 0.012, 0.0]
    assert mpjpe_mm(wrong, truth) == pytest.approx(np.full(5, 12 * 5 / 6), rel=1e-5)


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_mpjpe_is_that_of_plain_loops(seed: int, frames: int, points: int) -> None:
    a, b = np.random.default_rng(seed).normal(0, 0.5, (2, frames, points, 3)).astype(np.float32)
    assert mpjpe_mm(a, b) == pytest.approx(slow_mpjpe_mm(a, b), rel=1e-4, abs=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_a_rotated_scaled_and_moved_body_has_no_error_left_after_procrustes(seed: int) -> None:
    truth = random_bodies(seed).joints
    assert pa_mpjpe_mm(rotated_scaled(truth, seed), truth) == pytest.approx(np.zeros(5), abs=1e-3)
    assert mpjpe_mm(rotated_scaled(truth, seed), truth).max() > 10


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_procrustes_is_that_of_another_solver(seed: int) -> None:
    """SciPy's rotation of least squares between centred points, and the scale that then fits best; also where a reflection would fit better."""
    truth, own = random_bodies(seed).joints.astype(float), random_bodies(seed + 1).joints.astype(float)
    own[::2] = truth[::2] * [1, 1, -1] + 0.05 * own[::2]
    laid = procrustes(own, truth)
    for t in range(len(truth)):
        x, y = own[t] - own[t].mean(0), truth[t] - truth[t].mean(0)
        turned = Rotation.align_vectors(y, x)[0].apply(x)
        scale = (turned * y).sum() / (x * x).sum()
        assert laid[t] == pytest.approx(scale * turned + truth[t].mean(0), abs=1e-5)


def test_no_small_change_of_the_alignment_is_better() -> None:
    truth, own = random_bodies(3).joints.astype(float), random_bodies(4).joints.astype(float)
    laid, random = procrustes(own, truth), np.random.default_rng(0)
    best = ((laid - truth) ** 2).sum((1, 2))
    for _ in range(50):
        turn, scale = Rotation.from_rotvec(random.normal(0, 0.02, 3)).as_matrix(), 1 + random.normal(0, 0.02)
        other = scale * (laid @ turn) + random.normal(0, 0.01, (1, 1, 3))
        assert (((other - truth) ** 2).sum((1, 2)) > best).all()


def test_a_reflection_is_not_forgiven_by_procrustes() -> None:
    truth = random_bodies(5).joints
    assert pa_mpjpe_mm(truth * np.asarray([1, 1, -1], np.float32), truth).min() > 20


def test_a_body_fallen_into_one_point_has_the_error_of_the_mean() -> None:
    truth = random_bodies(6).joints
    wanted = 1000 * np.linalg.norm(truth - truth.mean(1, keepdims=True), axis=2).mean(1)
    assert pa_mpjpe_mm(np.zeros_like(truth), truth) == pytest.approx(wanted, rel=1e-5)


def test_mirroring_reverses_depth_and_swaps_sides_and_twice_is_nothing() -> None:
    points = random_bodies(7).joints
    other = mirrored(points, MIRRORS.joints)
    assert other[:, 1] == pytest.approx(points[:, 2] * [1, 1, -1])
    assert other[:, 3] == pytest.approx(points[:, 3] * [1, 1, -1])
    assert (mirrored(other, MIRRORS.joints) == points).all()


def test_the_mirrored_body_has_no_error_under_the_better_mirroring() -> None:
    truth = random_bodies(8)
    other = moved(truth, **{name: mirrored(getattr(truth, name), getattr(MIRRORS, name)) for name in ("joints", "markers", "vertices")})
    errors = frame_errors(other, truth, MIRRORS)
    assert set(errors) == {(metric, mirroring) for metric in METRICS for mirroring in MIRRORINGS}
    for metric in METRICS:
        assert errors[metric, "better"] == pytest.approx(np.zeros(5), abs=1e-3)
        assert errors[metric, "none"].min() > 20
    for values in frame_errors(truth, truth, MIRRORS).values():
        assert values == pytest.approx(np.zeros(5), abs=1e-3)


def test_the_better_mirroring_is_chosen_frame_by_frame() -> None:
    truth = random_bodies(9)
    half = truth.joints.copy()
    half[::2] = mirrored(half, MIRRORS.joints)[::2]
    errors = frame_errors(moved(truth, joints=half), truth, MIRRORS)
    assert errors["MPJPE", "better"] == pytest.approx(np.zeros(5), abs=1e-3)
    assert (errors["MPJPE", "none"] > 20).tolist() == [True, False] * 2 + [True]


def test_markers_and_vertices_are_aligned_by_the_root_joint_and_in_metres() -> None:
    truth = random_bodies(10)
    shift = np.asarray([0.5, -0.2, 3.0], np.float32)
    together = moved(truth, joints=truth.joints + shift, markers=truth.markers + shift, vertices=truth.vertices + shift)
    for values in frame_errors(together, truth, MIRRORS).values():
        assert values == pytest.approx(np.zeros(5), abs=2e-3)
    alone = frame_errors(moved(truth, markers=truth.markers + np.float32(0.01)), truth, MIRRORS)
    assert alone["marker error", "none"] == pytest.approx(np.full(5, 10 * np.sqrt(3)), rel=1e-3)
    assert alone["MPJPE", "none"] == pytest.approx(np.zeros(5))
    one = truth.vertices.copy()
    one[:, 4, 1] += 0.07
    assert frame_errors(moved(truth, vertices=one), truth, MIRRORS)["vertex error", "none"] == pytest.approx(np.full(5, 70 / 7), rel=1e-4)


def test_frames_that_either_does_not_know_are_left_out_and_counted() -> None:
    recovered, truth = random_bodies(11, unknown=(0,)), random_bodies(12, unknown=(0, 3))
    truth.joints[3] = np.nan
    found = sequence_errors(ROW, "network", recovered, truth, MIRRORS)
    assert (found.frames, found.frames_left_out) == (3, 2)
    kept = [1, 2, 4]
    assert found.errors["MPJPE", "none"] == pytest.approx(mpjpe_mm(recovered.joints[kept], truth.joints[kept]))


def test_without_a_mesh_there_is_no_vertex_error() -> None:
    truth = random_bodies(13)
    bare = moved(truth, vertices=truth.vertices[:, :0])
    assert {metric for metric, _ in frame_errors(bare, bare, MIRRORS)} == {"MPJPE", "PA-MPJPE", "marker error"}


def test_other_body_models_and_bodies_that_are_not_finite_are_refused() -> None:
    truth = random_bodies(14)
    with pytest.raises(UserError, match="5 joints were recovered but the truth has 6"):
        frame_errors(moved(truth, joints=truth.joints[:, :5]), truth, MIRRORS)
    with pytest.raises(UserError, match="mirror images are 3"):
        frame_errors(truth, truth, Mirrors(MIRRORS.joints, MIRRORS.markers, MIRRORS.vertices[:3]))
    with pytest.raises(ValueError, match="5 recovered frames but 4"):
        frame_errors(truth, random_bodies(14, frames=4), MIRRORS)
    broken = truth.markers.copy()
    broken[2, 1, 0] = np.inf
    with pytest.raises(UserError, match="recovered 3D body of p0/normal-0/000 is not finite"):
        sequence_errors(ROW, "network", moved(truth, markers=broken), truth, MIRRORS)


def planted(people: int = 6) -> list[SequenceErrors]:
    """Sequences of unequal length: person p is 10 p mm wrong, in view 090 twice as much, with a bag 1 mm more; half under the better mirroring."""
    found = []
    for person in range(people):
        for view, factor in (("000", 1), ("090", 2)):
            for condition, more in (("normal", 0), ("bag", 1)):
                values = np.full(3 + person + 4 * factor, 10.0 * person * factor + more)
                errors = {(metric, mirroring): values / (1 + (mirroring == "better")) for metric in METRICS for mirroring in MIRRORINGS}
                found.append(SequenceErrors(f"p{person}/{condition}/{view}", f"p{person}", view, condition, "network", errors, len(values), 2))
    return found


def test_rows_are_means_over_frames_with_intervals_over_people() -> None:
    errors = planted()
    rows = reconstruction_rows(errors, weights_hash="w", data_hash="d", seed=3)
    for view, condition in (("all", "all"), ("090", "all"), ("all", "bag")):
        among = [one for one in errors if view in ("all", one.view) and condition in ("all", one.condition)]
        values = np.concatenate([one.errors["PA-MPJPE", "better"] for one in among])
        people = [one.person for one in among for _ in range(one.frames)]
        row = find_reconstruction(rows, "PA-MPJPE", mirroring="better", view=view, condition=condition)
        assert row is not None
        assert row.value == pytest.approx(values.mean())
        assert (row.low, row.high) == pytest.approx(bootstrap.people_interval(values, people, 3))
        assert (row.frames, row.frames_left_out, row.sequences, row.people) == (len(values), 2 * len(among), len(among), 6)
        assert (row.unit, row.weights_hash, row.data_hash, row.seed, row.source) == ("mm", "w", "d", 3, "network")
    assert len(rows) == len(METRICS) * 2 * (1 + 2 + 2)


def test_one_person_gives_a_value_without_an_interval_and_no_frame_gives_none() -> None:
    row = find_reconstruction(reconstruction_rows([one for one in planted() if one.person == "p2"]), "MPJPE")
    assert row is not None
    assert row.value is not None
    assert (row.low, row.high, row.people) == (None, None, 1)
    nothing = SequenceErrors("k", "p", "000", "normal", "network", {("MPJPE", "none"): np.empty(0)}, 0, 30)
    row = find_reconstruction(reconstruction_rows([nothing]), "MPJPE")
    assert row is not None
    assert (row.value, row.frames, row.frames_left_out, row.sequences, row.people) == (None, 0, 30, 0, 0)
    assert reconstruction_rows([]) == []


def test_mean_poses_are_means_over_known_frames_one_sequence_at_a_time() -> None:
    truths = [("000", random_bodies(20, frames=4)), ("090", random_bodies(21, frames=7, unknown=(2, 5))), ("000", random_bodies(22, frames=2))]
    truths[1][1].joints[2] = np.nan  # what is not known is not even looked at
    seen: list[int] = []
    found = mean_poses((seen.append(number) or pair) for number, pair in enumerate(truths))  # type: ignore[func-returns-value]
    assert seen == [0, 1, 2]
    wanted = np.concatenate([truth.joints[truth.known] for _, truth in truths]).mean(0)
    like = random_bodies(0, frames=3, unknown=(1,))
    still = found.overall.bodies(like)
    assert still.joints == pytest.approx(np.stack([wanted] * 3), abs=1e-6)
    assert still.known.all()
    assert still.joints.dtype == np.float32
    assert found.of_view("000").bodies(like).vertices[0] == pytest.approx(
        np.concatenate([truths[0][1].vertices, truths[2][1].vertices]).mean(0), abs=1e-6
    )
    assert found.of_view("045") is found.overall  # no training frame from there
    assert mean_pose(truth for _, truth in truths).bodies(like).joints == pytest.approx(still.joints)


def test_a_mean_pose_of_nothing_or_of_two_bodies_is_refused() -> None:
    truth = random_bodies(23)
    with pytest.raises(UserError, match="no training frame has a known 3D body"):
        mean_pose([moved(truth, known=np.zeros(5, bool))]).bodies(truth)
    with pytest.raises(UserError, match="cannot mix body models"):
        mean_pose([truth, moved(truth, markers=truth.markers[:, :2])])


def test_measuring_puts_the_mean_poses_beside_the_network_on_the_same_frames() -> None:
    training = random_bodies(30, frames=9)
    recovered, truth = random_bodies(31, unknown=(4,)), random_bodies(32, unknown=(1,))
    found = measure([(ROW, recovered, truth)], MIRRORS, mean_poses([("000", training)]))
    assert [one.source for one in found] == ["network", "mean pose of the view", "mean pose"]
    assert [(one.frames, one.frames_left_out) for one in found] == [(3, 2)] * 3
    wanted = mpjpe_mm(np.stack([training.joints.mean(0)] * 5), truth.joints)[[0, 2, 3]]
    assert found[2].errors["MPJPE", "none"] == pytest.approx(wanted, rel=1e-4)
    rows = reconstruction_rows(found, weights_hash="w")
    assert {(row.source, row.weights_hash) for row in rows} == {("network", "w"), ("mean pose of the view", ""), ("mean pose", "")}


def test_files_of_rows(tmp_path: Path) -> None:
    rows = reconstruction_rows(planted())
    write_reconstruction(rows, tmp_path)
    assert read_reconstruction(tmp_path / "reconstruction.json") == rows
    with (tmp_path / "reconstruction.csv").open(newline="") as file:
        assert [float(line["value"]) for line in csv.DictReader(file)] == [row.value for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reconstruction.csv", "reconstruction.json"]
    with pytest.raises(UserError, match="missing; evaluate the run"):
        read_reconstruction(tmp_path / "nothing.json")
    for text in ("[{}]", "{", "[3]", '{"a": 1}'):
        (tmp_path / "reconstruction.json").write_text(text)
        with pytest.raises(StoreError, match="is damaged"):
            read_reconstruction(tmp_path / "reconstruction.json")


def test_a_truth_without_frames_leaves_nothing_behind() -> None:
    none = random_bodies(40, frames=0)
    found = sequence_errors(ROW, "network", none, none, MIRRORS)
    assert (found.frames, found.frames_left_out) == (0, 0)
    assert isinstance(none, Bodies)
    assert all(isinstance(row, ReconstructionRow) and row.value is None for row in reconstruction_rows([found]))
