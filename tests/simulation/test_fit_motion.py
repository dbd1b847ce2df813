"""The fit of the statistical walk, and the numbers that ship."""

import json
from pathlib import Path

import numpy as np
import pytest
from acclaim_files import write_amc, write_asf
from capture_files import external, write_bvh

from gaitbridge.errors import UserError
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.motion import parametric
from gaitbridge.simulation.motion._fit import fit_motion


def test_fit_learns_people_from_a_folder(tmp_path: Path, anny_reduced: Body) -> None:
    for number, (cadence, swing, lean) in enumerate(((0.8, 21.0, 0.0), (0.9, 24.0, 5.0), (1.0, 27.0, 10.0))):
        for take in (1, 2):
            write_bvh(
                tmp_path / f"p{number}_{take}.bvh", cadence_hz=cadence * (1.0 + 0.005 * take), swing_deg=swing + 0.2 * take, lean_deg=lean,
                speed_m_s=1.2, seconds=3.5,
            )  # fmt: skip
    out = tmp_path / "fitted.json"
    seen: list[tuple[int, int]] = []
    summary = fit_motion(tmp_path, out, lambda done, total, note: seen.append((done, total)), anny_reduced)
    assert (summary["people"], summary["takes"], summary["left_out"]) == (3, 6, "none")
    assert summary["cadence_hz"] == pytest.approx(0.903, abs=0.01)
    assert summary["stride_per_leg"] == pytest.approx(1.2 / 0.903 / 0.85, rel=0.03)
    assert summary["residual_rad"] < 0.02
    assert summary["between_over_within"] > 10.0
    assert seen[-1] == (3, 3)
    assert sorted(path.name for path in tmp_path.glob("fitted*")) == ["fitted.json"]
    walk = parametric.open_source(str(out)).walk("new", 0, 1, anny_reduced, anny_reduced.shared_shape())
    assert walk.at(np.array([5.0])).root_m[0, 0] > 3.0


def test_fit_takes_both_kinds_and_no_trial_twice(tmp_path: Path, anny_reduced: Body) -> None:
    for person in ("ann", "bob"):
        (tmp_path / person).mkdir()
        write_asf(tmp_path / person / f"{person}.asf")
        for trial, speed_m_s in (("1", 1.2), ("2", 1.25)):
            write_amc(tmp_path / person / f"{person}_{trial}.amc", speed_m_s)
    for name in ("ann_1", "eve_1", "eve_2"):
        write_bvh(tmp_path / f"{name}.bvh")
    write_bvh(tmp_path / "eve_3.bvh", bend_deg_s=15.0)
    summary = fit_motion(tmp_path, tmp_path / "out.json", body=anny_reduced)
    assert (summary["people"], summary["takes"], summary["left_out"]) == (3, 6, "eve_3.bvh (turns)")
    learnt = json.loads((tmp_path / "out.json").read_text())["learnt_from"]
    assert learnt["files"] == ["ann_1.amc", "ann_2.amc", "bob_1.amc", "bob_2.amc", "eve_1.bvh", "eve_2.bvh"]
    assert learnt["left_out"] == {"eve_3.bvh": "turns"}


def test_a_folder_without_captures_is_told(tmp_path: Path) -> None:
    for folder, words in ((tmp_path, "no .bvh and no .amc file"), (tmp_path / "absent", "no folder")):
        with pytest.raises(UserError, match=words):
            fit_motion(folder, tmp_path / "out.json")


def test_fit_needs_two_people_and_leaves_nothing_half_written(tmp_path: Path, anny_reduced: Body) -> None:
    write_bvh(tmp_path / "p1_1.bvh")
    with pytest.raises(UserError, match="one person only"):
        fit_motion(tmp_path, tmp_path / "out.json", body=anny_reduced)
    assert not (tmp_path / "out.json").exists()


def test_a_mean_of_seven_subjects_is_shipped_beside_it(tmp_path: Path, anny_reduced: Body) -> None:
    fit_motion(external("cmu_amc"), tmp_path / "again.json", body=anny_reduced)
    file = Path(parametric.__file__).parent / "measured_walk_mean.json"
    shipped, again = (json.loads(path.read_text()) for path in (file, tmp_path / "again.json"))
    assert np.allclose(shipped["mean"], again["mean"], atol=2e-4)
    assert np.allclose(np.abs(shipped["between"]), np.abs(again["between"]), atol=2e-3)  # the sign of a component is free
    assert (shipped["rhythm"], shipped["published"]) == (again["rhythm"], again["published"])
    assert shipped["learnt_from"]["people"] == 7
    assert len(shipped["learnt_from"]["files"]) == 41
    assert "not to be resold" in shipped["learnt_from"]["licence"]


def test_shipped_numbers_come_from_the_cmu_captures_alone(tmp_path: Path, anny_reduced: Body) -> None:
    fit_motion(external("cmu"), tmp_path / "again.json", body=anny_reduced)
    shipped, again = (json.loads(path.read_text()) for path in (Path(parametric.__file__).parent / "parametric_walk.json", tmp_path / "again.json"))
    assert np.allclose(shipped["mean"], again["mean"], atol=2e-4)
    assert np.allclose(np.abs(shipped["between"]), np.abs(again["between"]), atol=2e-3)  # the sign of a component is free
    assert shipped["published"] == again["published"]
    assert shipped["rhythm"] == again["rhythm"]
