"""The 3D view of a walk: what it holds is what was recovered, and it needs nothing from elsewhere."""

import base64
import json
import re

import numpy as np
import pytest
from fake_bodies import random_bodies

from gaitbridge.report.walk3d import MOST_FRAMES, walk3d_figure

TRIANGLES = np.array([[0, 1, 2], [3, 4, 6]])
PARENTS = np.array([-1, 0, 0, 1, 2, 3])
TIMES = np.array([5.0, 5.1, 5.2, 5.4, 5.5])


def document(page: str) -> dict:
    """The JSON that the script reads."""
    found = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found is not None
    made: dict = json.loads(found.group(1))
    return made


def numbers(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_it_holds_the_matched_frames_to_a_tenth_of_a_millimetre() -> None:
    recovered, truth = random_bodies(0, unknown=(1,)), random_bodies(1, unknown=(4,))
    held = document(walk3d_figure(recovered, truth, TRIANGLES, PARENTS, TIMES, "walk"))
    assert np.diff(held["times"]) == pytest.approx([0.2, 0.2])  # frames 0, 2, 3
    assert [body["name"] for body in held["bodies"]] == ["truth", "recovered"]
    for body, given in zip(held["bodies"], (truth, recovered), strict=True):
        for name in ("vertices", "joints"):
            read = numbers(body[name], "<i2") * held["unit"]
            assert np.allclose(read, getattr(given, name)[[0, 2, 3]].ravel(), atol=1e-4)
    assert numbers(held["triangles"], "<u4").tolist() == TRIANGLES.ravel().tolist()
    assert held["parents"] == PARENTS.tolist()


def test_it_stands_alone() -> None:
    page = walk3d_figure(random_bodies(0), None, TRIANGLES, PARENTS, TIMES, "</script><b>walk & co @data@")
    assert "http" not in page
    assert "<b>" not in page
    assert "walk &amp; co @data@" in page
    assert page.count("</script>") == 2
    assert " id=" not in page  # so that several fit on a page
    assert [body["name"] for body in document(page)["bodies"]] == ["recovered"]


def test_a_long_walk_is_thinned_and_stays_below_a_megabyte() -> None:
    """Frames of two bodies of the simulator's size."""
    random = np.random.default_rng(0)
    long = random_bodies(0, frames=200)
    big = type(long)(long.joints, long.markers, random.normal(0, 0.4, (200, 1229, 3)).astype(np.float32), long.root_px, long.scale_m, long.known)
    page = walk3d_figure(big, big, TRIANGLES, PARENTS, np.arange(200) / 10, "walk")
    assert len(document(page)["times"]) <= MOST_FRAMES
    assert len(page) < 1_000_000
    assert len(walk3d_figure(big, None, TRIANGLES, PARENTS, np.arange(200) / 10, "walk")) < 700_000


def test_a_walk_that_nobody_sees() -> None:
    assert "canvas" not in walk3d_figure(random_bodies(0, unknown=(0, 1, 2, 3, 4)), None, TRIANGLES, PARENTS, TIMES, "walk")
