"""Flips at test: what a mirror shows, that both readings count alike, and that nothing mixes them with embeddings of one reading."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from small_run import small_run, walks

from gaitbridge.cli import main
from gaitbridge.conventions import PARSING_LABELS
from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_embeddings, read_provenance
from gaitbridge.inference.export import _Graph
from gaitbridge.inference.flips import Flipped, hash_of, mirrored
from gaitbridge.inference.loading import load, run_of
from gaitbridge.inference.stored import create_gallery
from gaitbridge.methods.smplgait import network as smplgait
from gaitbridge.store import Store
from gaitbridge.types import Batch


@pytest.fixture(scope="module")
def run(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_run(toy_store, tmp_path_factory.mktemp("flips") / "run")


def test_a_mirror_shows_right_for_left() -> None:
    parsing = torch.zeros(1, 1, 4, 4, dtype=torch.uint8)
    parsing[..., 0] = PARSING_LABELS.index("left_foot")
    parsing[..., 1] = PARSING_LABELS.index("head")
    given = {"parsing": parsing, "points": torch.tensor([[[[1.0, 2.0, 3.0]]]]), "range_views": torch.tensor([[[[1.0, torch.nan]]]]),
             "depth_pictures": torch.arange(6).reshape(1, 1, 3, 1, 2)}
    batch = Batch(given, torch.ones(1), torch.zeros(1))
    found = mirrored(batch).inputs
    assert (found["parsing"][..., 3] == PARSING_LABELS.index("right_foot")).all()
    assert (found["parsing"][..., 2] == PARSING_LABELS.index("head")).all()
    assert (found["parsing"][..., :2] == 0).all()
    assert found["points"].tolist() == [[[[1.0, -2.0, 3.0]]]]
    assert torch.isnan(found["range_views"][..., 0]).all()
    assert found["depth_pictures"].flatten().tolist() == [1, 0, 3, 2, 5, 4]
    for name, value in mirrored(mirrored(batch)).inputs.items():
        assert torch.equal(torch.nan_to_num(value, -1), torch.nan_to_num(given[name], -1)), name


@pytest.mark.parametrize("modality", ["silhouettes", "range_views"])
def test_both_readings_count_alike(run: Path, modality: str) -> None:
    own = {modality: walks([2, 5])[modality]}
    mirror = {modality: [array[..., ::-1].copy() for array in own[modality]]}
    plain, average, both = (load(run, flips=way) for way in ("none", "average", "concatenate"))
    read = [plain.embed(least_quality=0, **given).values for given in (own, mirror)]
    unit = [values / np.linalg.norm(values, axis=1, keepdims=True) for values in read] if plain.distance == "cosine" else read
    assert np.abs(unit[0] - unit[1]).max() > 1e-3
    found = average.embed(least_quality=0, **own).values
    assert np.allclose(found, (unit[0] + unit[1]) / 2, atol=1e-4)
    assert np.allclose(found, average.embed(least_quality=0, **mirror).values, atol=1e-4)
    assert np.allclose(both.embed(least_quality=0, **own).values, np.concatenate(unit, 1), atol=1e-4)
    assert len({plain.weights_hash, average.weights_hash, both.weights_hash}) == 3
    assert average.weights_hash == hash_of(plain.weights_hash, "average")


def test_an_embeddings_file_says_so_and_a_gallery_does_not_mix(run: Path, toy_store: Store, tmp_path: Path) -> None:
    words = ["embed", str(run), str(toy_store.path), str(tmp_path / "a.npz"), "--modality", "camera", "--split", "test"]
    assert main([*words, "--flips", "average"]) == 0
    assert read_provenance(tmp_path / "a.npz")["flips"] == "average"
    assert read_embeddings(tmp_path / "a.npz").weights_hash == load(run, flips="average").weights_hash
    assert main(words) == 2  # the file holds another network's
    gallery = create_gallery(str(tmp_path / "gallery"), load(run))
    assert run_of(gallery).flips == "none"
    document = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(document | {"flips": "concatenate"}))
    try:
        assert load(run).flips == "concatenate"
        with pytest.raises(UserError, match="templates of another network"):
            run_of(gallery)
    finally:
        (run / "config.json").write_text(json.dumps(document))


def test_what_is_exported_flips_too(run: Path) -> None:
    model = load(run, flips="concatenate", fast=False)
    arrays = torch.from_numpy(np.stack(walks([4])["silhouettes"]))
    (found,) = _Graph(model.deployed, {"silhouettes": ("silhouettes",)})(arrays, torch.tensor([4]))
    assert np.allclose(found.detach().numpy(), model.embed(silhouettes=walks([4])["silhouettes"], least_quality=0).values, atol=1e-4)


def test_what_cannot_be_mirrored_is_refused(run: Path) -> None:
    with pytest.raises(UserError, match="flips=average: smpl cannot be mirrored here"):
        Flipped(smplgait.Network(smplgait.NetworkConfig()), "average", "euclidean")
    with pytest.raises(UserError, match="no way to flip 'averge': did you mean 'average'"):
        load(run, flips="averge")  # type: ignore[arg-type]
