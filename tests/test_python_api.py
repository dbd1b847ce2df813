"""The Python API as docs/python.md shows it: its lines run as they stand, its names are there, threads may share what it says they may."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lidar_files as files
import numpy as np
import pytest
from drawn_walks import times, walker
from lidar_street import ANN, sensor_of_street, street
from small_run import small_run, walks
from video_files import one_walker

import gaitbridge
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence

DOCUMENT = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")


def people(folder: Path) -> None:
    """A store of two walks each of five drawn people, before a camera and a LiDAR."""
    for number in range(5):
        name, made = f"p{number:04d}", []
        for take in range(2):
            masks = walker(25 + take, stride_s=0.9 + 0.1 * number + 0.01 * take)
            labels = Labels(f"{name}/normal-{take}/090", name, "test", "normal", take, "090", 90.0, 9.0, "camera", "lidar", 12.5, 12.5, "drawn")
            made.append(Sequence(labels, {
                "silhouettes": masks, "silhouettes_time_s": times(len(masks)), "range_views_time_s": times(len(masks)),
                "range_views": np.where(masks > 127, 9.0 + 0.01 * number, np.nan).astype(np.float32)}))  # fmt: skip
        write_shard(folder, name, made)
    finish_store(folder, [f"p{number:04d}" for number in range(5)], {"kind": "drawn"})


@pytest.fixture(scope="module")
def place(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the document's lines name."""
    folder = tmp_path_factory.mktemp("api")
    small_run(toy_store, folder / "run")
    people(folder / "people")
    one_walker(folder / "gate.mkv")
    near = [shot.points[np.abs(np.arctan2(shot.points[:, 1], shot.points[:, 0]) + 0.3) < np.pi / 5] for shot in street(14, walkers=(ANN,))]
    more = {name: np.array(value) for name, value in sensor_of_street().items()}
    files.npz(folder / "street.npz", near, time_s=np.arange(14) / 10, **more)
    return folder


def test_the_documents_lines_run(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(place)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
        exec(compile(block, "docs/python.md", "exec"), names)
    said = capsys.readouterr().out
    assert "(2, 64, 8) euclidean" in said
    assert "gate" in said
    assert "walkers has no thresholds to decide by" in said
    assert "{'p0000': 1, 'p0001': 1, 'p0002': 1, 'p0003': 1, 'p0004': 1}" in said
    assert len(Store(place / "captured-street").rows) >= 1


def test_every_name_is_there_and_described() -> None:
    described = set(re.findall(r"`(\w+)", DOCUMENT.split("## A model")[0]))
    for name in gaitbridge.__all__:
        assert getattr(gaitbridge, name).__name__ == name
        assert name in dir(gaitbridge)
        assert name in described, f"docs/python.md does not say what {name} is"
    with pytest.raises(AttributeError, match="no attribute 'Galery'"):
        _ = gaitbridge.Galery


def test_importing_it_takes_nothing_heavy() -> None:
    program = "import sys, gaitbridge; gaitbridge.UserError; assert not {'torch', 'pyarrow', 'lancedb', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """The work of several threads, all at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_threads_share_a_model(place: Path) -> None:
    given = [walks([3 + number, 2])["silhouettes"] for number in range(6)]
    alone = [gaitbridge.load(place / "run").embed(silhouettes=one, least_quality=0).values for one in given]
    shared = gaitbridge.load(place / "run")  # the first calls, too, come at once
    for found, wanted in zip(at_once(6, lambda number: shared.embed(silhouettes=given[number], least_quality=0).values), alone, strict=True):
        np.testing.assert_allclose(np.asarray(found), wanted, atol=1e-6)


def test_threads_share_a_store(toy_store: Store) -> None:
    shared = Store(toy_store.path)
    for found in at_once(8, lambda number: [shared.read(row, ["range_views"]).arrays["range_views"] for row in range(number, 40)]):
        for row, array in enumerate(reversed(list(found))):  # type: ignore[call-overload]
            np.testing.assert_array_equal(array, toy_store.read(39 - row, ["range_views"]).arrays["range_views"])


def test_threads_share_a_gallery(place: Path, toy_store: Store, tmp_path: Path) -> None:
    """Some enrol, some ask: nobody meets half an enrolment, and nothing is lost."""
    model = gaitbridge.load(place / "run")
    gallery = gaitbridge.create_gallery(str(tmp_path / "gallery"), model)
    names = sorted({row["person"] for row in toy_store.rows})[:6]
    made = [gaitbridge.stored_walks(model, toy_store, "camera", toy_store.select(person=person), least_quality=0) for person in names]
    gallery.enrol(*made[0])

    def work(number: int) -> object:
        if number % 2 and (number + 1) // 2 < len(made):
            return gallery.enrol(*made[(number + 1) // 2]).added
        return [len({hit.person for hit in hits}) for hits in gallery.search(made[0][0], top=len(names))]

    at_once(10, work)
    held = {name: {row.id for row in rows} for name, rows in gallery.people().items()}
    assert held == {name: {walk.id for walk in walks} for name, (_, walks) in zip(names, made, strict=True)}
    found = gallery.search(made[3][0], top=1)
    assert {hits[0].person for hits in found} == {names[3]}
