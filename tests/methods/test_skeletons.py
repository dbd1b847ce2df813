"""Skeletons as coordinates: how they are changed for training, and that they are trained on, evaluated, embedded and exported like anything else."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from skeleton_walks import skeletons_of, store_of

from gaitbridge.cli import main
from gaitbridge.config import checked, overridden
from gaitbridge.conventions import JOINT_ORDERS, stream
from gaitbridge.data.batches import DataConfig, TrainingBatches
from gaitbridge.data.skeleton_augmentation import SkeletonAugmentationConfig, augmented_skeletons
from gaitbridge.errors import UserError
from gaitbridge.geometry.skeletons import backwards, mirrored
from gaitbridge.inference.export import export
from gaitbridge.inference.loading import load
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

SMALL = ("data.people_per_batch=3", "data.sequences_per_person=2", "data.frames=5", "steps=2", "validate_every=2", "precision=float32")
OWN = {"gaitgraph2": ("network.branch=[8]", "network.channels=[8]", "network.embedding=8", "network.copies=false"),
       "gaittr": ("network.channels=[16,32]", "network.embedding=8")}
WALK = skeletons_of(0, 0, 6)


def changed(number: int = 0, **settings: object) -> np.ndarray:
    return augmented_skeletons(WALK, SkeletonAugmentationConfig(**settings), stream(number, "a"))  # type: ignore[arg-type]


def test_what_is_off_changes_nothing() -> None:
    assert (changed() == WALK).all()
    assert changed().dtype == np.float32


def test_a_walk_runs_backwards_and_sides_change_places_by_their_shares() -> None:
    assert (changed(backwards=1) == WALK[::-1]).all()
    swapped = changed(sides=1)
    names = JOINT_ORDERS["coco"]
    for number, name in enumerate(names):
        other = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        assert (swapped[:, number] == WALK[:, names.index(other)]).all()
    turned = [(changed(n, backwards=0.3)[0] == WALK[-1]).all() for n in range(500)]
    assert np.mean(turned) == pytest.approx(0.3, abs=0.07)
    exchanged = [(changed(n, sides=0.2)[:, 5] == WALK[:, 6]).all(1) for n in range(200)]  # each frame by itself
    assert np.mean(exchanged) == pytest.approx(0.2, abs=0.04)


def test_joints_numbers_and_the_whole_walk_are_moved_by_what_is_asked_for() -> None:
    joints, numbers, moved = changed(joint_noise=2), changed(point_noise=2), changed(move=(4.0, 1.0))
    by_joint = joints - WALK
    assert np.abs(by_joint - by_joint[:1]).max() < 1e-3  # the same in all frames
    assert np.abs(by_joint[..., 2]).max() == 0
    assert by_joint[0, :, :2].std() == pytest.approx(2, rel=0.5)
    assert (numbers - WALK).std() == pytest.approx(2, rel=0.2)
    assert (numbers - WALK)[..., 2].std() > 1  # the score among them, as published
    step = moved - WALK
    assert np.abs(step - step[0, 0]).max() < 1e-3
    assert 0 < abs(step[0, 0, 0]) <= 4
    assert 0 < abs(step[0, 0, 1]) <= 1
    filled = changed(fill_missing=True)
    assert (WALK[3, 10] == 0).all()
    assert np.allclose(filled[3, 10], [*WALK[3, :, :2].mean(0), 0], atol=1e-3)


def test_every_joint_has_another_side_or_is_its_own() -> None:
    for order in ("coco", "openpose"):
        found = mirrored(order)
        assert [found[other] for other in found] == list(range(len(found)))
    assert mirrored("coco")[:7] == [0, 2, 1, 4, 3, 6, 5]
    assert mirrored("openpose")[:8] == [0, 1, 5, 6, 7, 2, 3, 4]


def test_batches_are_changed_by_step_and_seed_alone_and_by_nothing_where_it_is_off(toy_store: Store, tmp_path: Path) -> None:
    store = store_of(tmp_path / "people")
    off = DataConfig(people_per_batch=3, sequences_per_person=2, frames=4, ordered=True, skeleton_augmentation=SkeletonAugmentationConfig())
    on = off.model_copy(update={"skeleton_augmentation": SkeletonAugmentationConfig(joint_noise=1)})
    none = off.model_copy(update={"skeleton_augmentation": None})
    plain, same, first, again, other = (TrainingBatches(store, ["skeletons"], config, seed)[3].inputs["skeletons"]
                                        for config, seed in ((none, 0), (off, 0), (on, 0), (on, 0), (on, 1)))
    assert (plain == same).all()
    assert (first == again).all()
    assert (first != plain).any()
    assert first.shape == other.shape == (6, 4, 17, 3)
    with pytest.raises(UserError, match="skeleton_augmentation changes skeletons, this network takes silhouettes"):
        TrainingBatches(toy_store, ["silhouettes"], on, 0)


@pytest.mark.parametrize("method", OWN)
def test_skeletons_are_trained_on_and_evaluated(method: str, tmp_path: Path) -> None:
    store = store_of(tmp_path / "people")
    settings = overridden(recipe(f"{method}/tiny").model_dump(mode="json"), [*SMALL, *OWN[method]])
    train(checked(RunConfig, settings), store, tmp_path / "run")
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(store.path), "--protocol", "simulated"]) == 0
    assert (tmp_path / "run" / "evaluation" / "skeletons.npz").is_file()
    with pytest.raises(UserError, match="have 12 joints, this network takes 17 in the order 'coco'"):
        load(tmp_path / "run").embed(skeletons=[WALK[:, :12]])
    with pytest.raises(UserError, match="joints=openpose"):
        load(tmp_path / "run").embed(skeletons=[WALK[:, [*range(17), 0]]])
    if method == "gaitgraph2":  # without its copies, which the test below has, and not of the other one: each takes seconds
        exported_like_the_run(tmp_path, store)


class Copies(torch.nn.Module):
    """What GaitGraph2 is shown besides the walk: the walk backwards, and with its sides exchanged."""

    def forward(self, skeletons: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        return torch.cat([skeletons, backwards(skeletons, frames), skeletons[:, :, mirrored("coco")]], 2)


def test_copies_of_walks_of_any_length_are_exported(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    count, length = (torch.export.Dim(name, min=1, max=1000) for name in ("count", "length"))
    traced = (torch.zeros(3, 5, 17, 3), torch.tensor([5, 4, 3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(Copies(), traced, dynamo=True, dynamic_shapes=({0: count, 1: length}, {0: count}), input_names=["skeletons", "frames"],
                          verbose=False).save(tmp_path / "copies.onnx")  # type: ignore[union-attr]
    session = onnxruntime.InferenceSession(tmp_path / "copies.onnx")
    for lengths in ([1], [2, 1], [9, 4, 9, 1]):
        walks = torch.zeros(len(lengths), max(lengths), 17, 3)
        for row, frames in zip(walks, lengths, strict=True):
            row[:frames] = torch.from_numpy(skeletons_of(7, 1, frames))
        (found,) = session.run(None, {"skeletons": walks.numpy(), "frames": np.asarray(lengths)})
        assert np.array_equal(found, Copies()(walks, torch.tensor(lengths)).numpy()), lengths


def exported_like_the_run(folder: Path, store: Store) -> None:
    pytest.importorskip("onnxscript")
    about = export(load(folder / "run", fast=False), folder / "model.onnx", store)
    assert about["largest_relative_difference"] < 1e-4
    walks = [skeletons_of(7, 1, 6), skeletons_of(8, 0, 3), skeletons_of(8, 1, 1)]
    plain, exported = (load(place).embed(skeletons=walks).values for place in (folder / "run", folder / "model.onnx"))
    assert np.abs(plain - exported).max() < 1e-4 * np.abs(plain).max()
    with pytest.raises(UserError, match="not finite"):
        load(folder / "model.onnx").embed(skeletons=[walks[0] * np.float32(np.nan)])
