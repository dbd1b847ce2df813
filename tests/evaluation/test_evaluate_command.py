"""`evaluate` takes the store's own protocol and a partition; what it writes is what `score` gives of the same files."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import embedding_files as files
import numpy as np
import pytest
from fake_store import blobs, make_store

from gaitbridge.cli import main
from gaitbridge.data.protocols import chosen_protocol, own_protocol
from gaitbridge.errors import UserError
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Embeddings, Labels, Sequence


class Network:
    """Looks at nothing: an embedding a call, in the order of the calls."""

    modalities, inputs = ("silhouettes",), {"silhouettes": ("silhouettes",)}
    recipe, trained_on, folder, config, flips = "none", None, Path("last"), SimpleNamespace(network=None), "none"

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def embed_stored(self, silhouettes: list[np.ndarray]) -> Embeddings:
        return Embeddings(self.random.standard_normal((len(silhouettes), 4, 2)).astype(np.float32), "euclidean", "silhouettes", "w")

    def diagnostics(self, *_: Any) -> None:
        return None


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaitbridge.inference.loading.load", lambda *_, **__: Network())


def gait3d(path: Path, **about: Any) -> tuple[Store, list[str]]:
    made = files.arrays(("camid0_videoid2",), ("seq0", "seq1"), people=5)
    keys = ["/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)]
    labels = [Labels(key, key.split("/")[0], "test", "", 0, key.split("/")[2], np.nan, np.nan) for key in keys]
    write_shard(path, "all", [Sequence(one, blobs(0, "000", 2)) for one in labels])
    finish_store(path, ["all"], {"kind": "imported", "dataset": "gait3d", **about})
    return Store(path), keys


def test_the_datasets_protocol_with_a_partition_is_what_score_gives(network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, keys = gait3d(tmp_path / "store")
    words = ["evaluate", str(tmp_path), "--data", str(store.path), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "with --partition" in capsys.readouterr().err
    partition = tmp_path / "Gait3D.json"
    partition.write_text(json.dumps({"TEST_SET": [f"{n:04d}" for n in range(5)], "PROBE_SET": [key.replace("/", "-") for key in keys[::2]]}))
    assert main([*words, "--partition", str(partition)]) == 0
    said = capsys.readouterr().out
    assert "Protocol gait3d" in said
    assert "Left out of the gallery: nothing." in " ".join(said.split())
    rows = {row["metric"]: row["value"] for row in json.loads((tmp_path / "out" / "results.json").read_text())}
    assert main(["score", str(tmp_path / "out" / "silhouettes.npz"), "--protocol", "gait3d", "--json"]) == 0  # the file holds who is a probe
    exact = json.loads(capsys.readouterr().out)["exact"]
    assert exact == {name: rows[name.lower() if name.startswith("Rank") else name] for name in exact}


def test_open_set_is_in_the_rows_the_tables_and_the_report(network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gaitbridge.evaluation.scoring.open_set.LEAST_SEARCHES", 1)
    store = make_store(tmp_path / "store", people=4, views=("000", "090"))
    run = tmp_path / "run"
    words = ["evaluate", str(run), "--data", str(store.path), "--out", str(run / "evaluation"), "--protocol", "simulated"]
    assert main(words) == 0
    assert "Open-set" not in capsys.readouterr().out
    before = json.loads((run / "evaluation" / "results.json").read_text())
    assert main([*words, "--open-set"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Open-set identification" in printed
    assert "FNIR at FPIR 10 %" in printed
    rows = json.loads((run / "evaluation" / "results.json").read_text())
    added = rows[len(before) :]
    assert [row["metric"] for row in added] == ["FNIR at FPIR 10 %", "FNIR at FPIR 1 %", "FNIR at FPIR 0.1 %"]
    assert added[0]["value"] is not None
    assert added[0]["low"] <= added[0]["value"] <= added[0]["high"]
    assert {name: added[0][name] for name in ("probes", "stranger_searches", "enrolled", "people", "gallery", "compared")} \
        == {"probes": 16, "stranger_searches": 16, "enrolled": 4, "people": 4, "gallery": 8, "compared": 4.0}
    assert added[2]["value"] is None  # 16 searches do not state 0.1 %
    assert main(["tables", str(run)]) == 0
    assert "| camera | camera | " in capsys.readouterr().out.partition("Open-set identification")[2]
    assert main(["report", str(run)]) == 0
    section = (run / "report.html").read_text().partition('<section id="open-set">')[2].partition("</section>")[0]
    assert f"{added[0]['value']:.1f} <span" in section
    assert "each person is held out in turn" in section


def test_a_store_of_an_unknown_dataset_asks_for_a_protocol(network: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = make_store(tmp_path / "store", people=3)
    assert main(["evaluate", str(tmp_path), "--data", str(store.path), "--out", str(tmp_path / "out")]) == 2
    assert "choose one with --protocol (simulated, " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main(["evaluate", str(tmp_path), "--data", str(store.path), "--out", str(tmp_path / "out"), "--protocol", "real-motion"]) == 0


def test_whose_protocol_is_whose() -> None:
    assert own_protocol({"kind": "simulated", "motion": "parametric:walk"}) == "simulated"
    assert own_protocol({"kind": "simulated", "motion": "bvh:captures"}) == own_protocol({"kind": "captured"}) == "real-motion"
    assert own_protocol({"kind": "imported", "dataset": "oumvlp_mesh"}) == "oumvlp"
    assert own_protocol({"kind": "imported", "dataset": "of tomorrow"}) == own_protocol({}) == ""
    assert chosen_protocol("grew", {}, "store").name == "grew"
    with pytest.raises(UserError, match="did you mean 'grew'"):
        chosen_protocol("grow", {}, "store")
