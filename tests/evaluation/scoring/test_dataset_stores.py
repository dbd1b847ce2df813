"""Stores with a dataset's keys evaluated under its protocol give what a file of the same embeddings gives."""

from pathlib import Path

import embedding_files as files
import numpy as np
import pytest
from fake_store import blobs, evaluated

from gaitbridge.data.protocols import load_protocol
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.results import ResultRow, find_row
from gaitbridge.evaluation.scoring.compared import Request
from gaitbridge.evaluation.scoring.document import document
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Embeddings, Labels, Sequence

VIEWS = ("000", "045", "090-far")


def store_of(path: Path, made: files.Arrays, probe_set: list[str] | None = None) -> tuple[Store, Embeddings]:
    """A store of walks with the keys of a file of embeddings, and the embeddings."""
    keys = ["/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)]
    arrays = blobs(0, "000", 2)
    sequences = [
        Sequence(Labels(key, key.split("/")[0], "test", key.split("/")[1], 0, key.split("/")[2], np.nan, np.nan), arrays) for key in keys
    ]
    write_shard(path, "all", sequences)
    finish_store(path, ["all"], {"made_by": "a test", "probe_set": probe_set or []})
    return Store(path), Embeddings(made["embeddings"], "euclidean", "silhouettes", "w", tuple(keys))


def exact(tmp_path: Path, made: files.Arrays, protocol: str) -> dict[str, float]:
    file = read_any(files.write(tmp_path / "file.npz", **made))
    return document(file, Request(load_protocol(protocol)), "exact")["exact"]


def value(rows: list[ResultRow], metric: str, condition: str, views: str = "excluded") -> float:
    row = find_row(rows, metric, "camera", "camera", views, condition)
    assert row is not None
    assert row.value is not None
    return float(row.value)


def test_parts_of_sustech1k_are_conditions(tmp_path: Path) -> None:
    made = files.arrays(files.SUSTECH1K, VIEWS, drop=0.05)
    store, embeddings = store_of(tmp_path / "store", made)
    rows = evaluated(store, embeddings, protocol="sustech1k")
    wanted = exact(tmp_path, made, "sustech1k")
    for part, name in (("Normal", "Normal"), ("Umbrella", "Umberalla"), ("Overall", "Overall")):
        assert value(rows, "rank-1", part) == pytest.approx(wanted[f"{name}@R1"], abs=1e-9)
    assert {row.metric for row in rows} >= {"rank-1", "rank-5", "rank-1 pooled", "mAP pooled"}


def test_parts_of_ccpg_have_their_own_galleries(tmp_path: Path) -> None:
    made = files.arrays(files.CCPG, ("01_1", "01_2", "07_1"))
    store, embeddings = store_of(tmp_path / "store", made)
    rows = evaluated(store, embeddings, protocol="ccpg")
    wanted = exact(tmp_path, made, "ccpg")
    for part in ("CL", "UP", "DN", "BG"):
        assert value(rows, "rank-1", part) == pytest.approx(wanted[f"{part}@R1"])
        assert value(rows, "mINP", part) == pytest.approx(wanted[f"{part}@mINP"])
    assert {row.condition for row in rows} == {"CL", "UP", "DN", "BG"}  # over all there is no one gallery
    assert {row.gallery for row in rows if row.condition == "UP" and row.probe_view is None} == {21}


def test_probes_that_the_importer_kept(tmp_path: Path) -> None:
    made = files.arrays(("camid0_videoid2", "camid1_videoid0"), ("seq0", "seq1_g1"))
    keys = ["/".join(key) for key in zip(made["labels"], made["types"], made["views"], strict=True)]
    store, embeddings = store_of(tmp_path / "store", made, [key for key in keys if not key.endswith("_g1")])
    rows = evaluated(store, embeddings, protocol="gait3d")
    wanted = exact(tmp_path, made, "gait3d")
    assert value(rows, "rank-1", "all") == pytest.approx(wanted["Rank-1"])  # nothing is left out for its view
    assert value(rows, "mAP", "all") == pytest.approx(wanted["mAP"])
    assert {(row.views, row.condition) for row in rows} == {("excluded", "all")}
    unknown, embeddings = store_of(tmp_path / "unknown", made)
    with pytest.raises(UserError, match="PROBE_SET"):
        evaluated(unknown, embeddings, protocol="gait3d")


def test_a_protocol_across_sensors_needs_both(tmp_path: Path) -> None:
    made = files.arrays(files.SUSTECH1K, VIEWS)
    store, camera = store_of(tmp_path / "store", made)
    lidar = Embeddings(camera.values[::-1].copy(), "euclidean", "range_views", "w", camera.keys[::-1])
    rows = evaluated(store, camera, lidar, protocol="sustech1k_cross_modal")
    assert {(row.probe_modality, row.gallery_modality) for row in rows} == {("camera", "lidar"), ("lidar", "camera")}
    with pytest.raises(UserError, match="only camera is embedded"):
        evaluated(store, camera, protocol="sustech1k_cross_modal")
