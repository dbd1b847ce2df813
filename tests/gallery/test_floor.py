"""What is no walk is left out of a gallery and of what asks it, said and counted; on request it is taken."""

from pathlib import Path

import numpy as np
import pytest
from drawn_walks import forearm, half, noise, times, walker
from small_run import small_run

from gaitbridge.cli import main
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Labels, Sequence
from gaitbridge.walks.quality import NAMES
from gaitbridge.walks.stored import good_enough, stored_quality, with_quality

MADE = {"ann": walker(), "bea": walker(frontal=True), "arm": forearm(), "counter": half(), "snow": noise()}


@pytest.fixture(scope="module")
def folder(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, a store of two walkers and three that are none, another of an arm alone."""
    place = tmp_path_factory.mktemp("floor")
    small_run(toy_store, place / "run")
    for name, people in (("store", list(MADE)), ("arms", ["arm"])):
        sequences = []
        for person in people:
            labels = Labels(f"{person}/a-01/090", person, "test", "", 0, "090", 90.0, float("nan"))
            arrays = {"silhouettes": MADE[person], "silhouettes_time_s": times(len(MADE[person]))}
            sequences.append(with_quality(Sequence(labels, arrays))[0])
        write_shard(place / name, "all", sequences)
        finish_store(place / name, ["all"], {"kind": "simulated"})
    return place


def gaitbridge(*words: object) -> int:
    return main([str(word) for word in words])


def test_a_store_keeps_the_quality(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(folder / "store")
    kept = {row["person"]: row["quality"] for row in store.rows}
    assert min(kept["ann"], kept["bea"]) > 0.6 > 0.1 > max(kept["arm"], kept["counter"], kept["snow"])
    array = store.read(0, ["quality"]).arrays["quality"]
    assert dict(zip(NAMES, array.tolist(), strict=True))["score"] == pytest.approx(kept["ann"])
    assert stored_quality(store, 0, "silhouettes").score == pytest.approx(kept["ann"])
    assert gaitbridge("inspect", folder / "store") == 0
    assert "3 of 5 below 0.2" in capsys.readouterr().out
    assert good_enough(store, range(5), "silhouettes", 0.0).kept == list(range(5))
    assert np.isnan(array[NAMES.index("presence")])


def test_enrolling_and_asking_leave_out_what_is_no_walk(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = folder / "gallery"
    assert gaitbridge("gallery", "create", gallery, "--model", folder / "run") == 0
    assert gaitbridge("gallery", "enrol", gallery, folder / "store") == 0
    said = capsys.readouterr()
    assert "2 templates added, 0 there already, of 2 people" in said.out
    assert "left out: snow/a-01/090: its quality is 0.00, below 0.2: it is not one solid figure" in said.err
    assert "3 of 5 sequences left out, as their quality is below 0.2" in said.err
    assert gaitbridge("gallery", "search", gallery, folder / "store", "--json") == 0
    said = capsys.readouterr()
    assert "ann/a-01/090" in said.out
    assert "arm/a-01/090" not in said.out
    assert "3 of 5 sequences left out" in said.err
    for words in (("enrol", gallery, folder / "arms"), ("search", gallery, folder / "arms")):
        assert gaitbridge("gallery", *words) == 2
        assert "none of 1 sequences is good enough: arm/a-01/090: its quality is" in capsys.readouterr().err
    assert gaitbridge("gallery", "search", gallery, folder / "arms", "--least-quality", "0") == 0
    assert "arm/a-01/090 (camera)" in capsys.readouterr().out
    assert gaitbridge("gallery", "enrol", gallery, folder / "store", "--least-quality", "0") == 0
    assert "3 templates added, 2 there already, of 5 people" in capsys.readouterr().out
