"""Files for the sites of GREW and HID, held against plain loops and the form that they ask for."""

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from embedding_files import Arrays, plain_distance, write

from gaitbridge.cli import main
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.scoring import submission

RANDOM = np.random.default_rng(5)
GREW_KEYS = [*((f"{person:05d}", kind, f"v{person}{kind}") for person in (1, 2, 30, 400) for kind in ("01", "02") for _ in range(1)),
             *((f"{person:05d}", "01", f"w{person}") for person in range(500, 514)), ("00001train", "00", "t1"),
             *(("probe", "03", f"hidden{number}") for number in range(3))]  # fmt: skip
HID_KEYS = [*((f"{person:05d}", "0", "default") for person in range(7)), *(("probe", f"clip{number}", "default") for number in range(3)),
            ("probe", "0", "named")]  # fmt: skip


def made(keys: list[tuple[str, str, str]]) -> Arrays:
    people, types, views = (np.asarray(column) for column in zip(*keys, strict=True))
    return {"embeddings": RANDOM.standard_normal((len(keys), 4, 3)).astype(np.float32), "labels": people, "types": types, "views": views}


def plain(arrays: Arrays, probe: int, gallery: list[int], kind: str) -> list[str]:
    """People of the gallery, the nearest first, by loops."""
    return [arrays["labels"][g] for g in sorted(gallery, key=lambda g: plain_distance(arrays["embeddings"][probe], arrays["embeddings"][g], kind))]


@pytest.mark.parametrize("kind", ["euclidean", "cosine"])
def test_grew_gets_the_twenty_nearest_of_each_probe(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "BLOCK", 2)
    monkeypatch.setattr(submission, "SPARE", 1)
    arrays, out = made(GREW_KEYS), tmp_path / "grew.csv"
    assert main(["submission", "grew", str(write(tmp_path / "e.npz", **arrays)), str(out), "--distance", kind]) == 0
    header, *lines = csv.reader(io.StringIO(out.read_text()))
    assert header == ["videoId", *(f"rank{place}" for place in range(1, 21))]
    assert [line[0] for line in lines] == ["hidden0", "hidden1", "hidden2"]
    gallery = [number for number, (_, type_, _) in enumerate(GREW_KEYS) if type_ in ("01", "02")]
    for line, probe in zip(lines, range(len(GREW_KEYS) - 3, len(GREW_KEYS)), strict=True):
        assert line[1:] == [str(int(person)) for person in plain(arrays, probe, gallery, kind)[:20]]


def test_hid_gets_the_nearest_in_a_zip_that_is_always_the_same(tmp_path: Path) -> None:
    arrays = made(HID_KEYS)
    file = write(tmp_path / "e.npz", **arrays)
    for name in ("a.zip", "b.zip"):
        assert main(["submission", "hid", str(file), str(tmp_path / name)]) == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["submission.csv"]
        lines = archive.read("submission.csv").decode().splitlines()
    nearest = [plain(arrays, probe, list(range(7)), "euclidean")[0] for probe in range(7, 11)]
    videos = ("clip0", "clip1", "clip2", "named")
    assert lines == ["videoID,label", *(f"{video},{label}" for video, label in zip(videos, nearest, strict=True))]
    assert [len(row) for row in submission.answered(read_any(file), "hid", rerank=True)] == [2] * 4


@pytest.mark.parametrize(("site", "keys", "out", "words"), [
    ("grew", GREW_KEYS[:-3], "a.csv", "has 0 probes of grew (person probe, type 03)"),
    ("grew", GREW_KEYS[4:], "a.csv", "18 gallery sequences of grew"),
    ("hid", HID_KEYS[:7], "a.csv", "has 0 probes of hid"), ("hid", [*HID_KEYS, HID_KEYS[-1]], "a.csv", "two probes called 'named'"),
    ("hid", HID_KEYS, "a.txt", "a submission is a .csv, or a .zip"),
    ("grew", [*[("ann", kind, view) for _, kind, view in GREW_KEYS[:-3]], *GREW_KEYS[-3:]], "a.csv", "numbers such as 00001, not 'ann'"),
])  # fmt: skip
def test_what_cannot_be_sent_is_said(site: str, keys: list[tuple[str, str, str]], out: str, words: str, tmp_path: Path,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submission", site, str(write(tmp_path / "e.npz", **made(keys))), str(tmp_path / out)]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / out).exists()
