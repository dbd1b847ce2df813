"""Mesh files load back as what was recovered, the head up."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from fake_bodies import random_bodies

from gaitbridge.errors import UserError
from gaitbridge.report.mesh_files import write_meshes

TRIANGLES = np.array([[0, 1, 2], [2, 1, 3], [4, 5, 6]])


@pytest.mark.parametrize("kind", ["glb", "ply"])
def test_each_known_frame_is_a_file_with_y_up(tmp_path: Path, kind: str) -> None:
    bodies = random_bodies(0, frames=4, unknown=(1,))
    assert write_meshes(bodies, TRIANGLES, tmp_path / "walk", kind) == 3
    assert sorted(path.name for path in (tmp_path / "walk").iterdir()) == [f"{frame:04d}.{kind}" for frame in (0, 2, 3)]
    mesh = trimesh.load(tmp_path / "walk" / f"0002.{kind}", process=False, force="mesh")
    assert np.allclose(mesh.vertices, bodies.vertices[2] * (1, -1, -1), atol=1e-6)
    assert np.array_equal(mesh.faces, TRIANGLES)


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"obj.*glb"):
        write_meshes(random_bodies(0), TRIANGLES, tmp_path / "walk", "obj")
    assert not list(tmp_path.iterdir())
