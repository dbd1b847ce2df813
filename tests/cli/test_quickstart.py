"""gaitbridge quickstart, small: recordings that the capture reads, people enrolled by name, an answer for each walker, a page."""

import re
from pathlib import Path

import pytest

from gaitbridge.cli import main, quickstart
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.store import Store


def test_who_passes_is_captured_enrolled_and_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(quickstart, "SIZE", (320, 180))
    monkeypatch.setattr(quickstart, "WAY_M", 4.0)
    monkeypatch.setattr(quickstart, "LIDAR", "velodyne-vls128/2")
    out = tmp_path / "quick"
    assert main(["quickstart", str(out), "--enrolled", "1", "--strangers", "1"]) == 0
    said = capsys.readouterr().out
    assert [row["person"][:5] for row in Store(out / "yard").rows] == ["yard-"]
    assert len({row["person"] for row in Store(out / "gate").rows}) == 2  # nobody is lost, nobody is two
    assert list(Gallery(str(out / "known")).people()) == ["Ann"]
    assert re.findall(r"^\$ gaitbridge (\w+ \w+)", said, re.MULTILINE) == [
        "capture lidar", "gallery create", "gallery enrol", "capture video", "gallery search"]  # fmt: skip
    page = (out / "index.html").read_text(encoding="utf-8")
    assert page.count("silhouettes of a walker") == 2
    assert "simulated, not captured" in page
    assert 'src="gate.mp4"' in page
    right = re.search(r"(\d) of 2 answers are right", said)
    assert right is not None
    assert f"{right[1]} of 2 answers are right" in page
    assert main(["quickstart", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
