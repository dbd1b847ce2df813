"""Training on 3D truth: what a batch brings is the truth of its own frames, and data without it is refused unless recognition alone is asked for."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from toy import make_toy_store

from gaitbridge.config import checked, overridden
from gaitbridge.data.augmentation import AugmentationConfig
from gaitbridge.data.batches import DataConfig, TrainingBatches
from gaitbridge.errors import UserError
from gaitbridge.inference.loading import load
from gaitbridge.methods.meshgait.truth import Truth
from gaitbridge.simulation.cohort import CohortConfig, simulate
from gaitbridge.simulation.truth import FIELDS, LIDAR_FIELDS, bodies_of, lidar_bodies_of
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

SMALL = ("steps=2", "validate_every=2", "log_every=1", "precision=float32", "data.people_per_batch=2", "data.sequences_per_person=2", "data.frames=3",
         "network.channels=[8,8]", "network.strides=[2,2]", "network.stem_stride=1", "network.embedding=8", "network.parts=8")
BRANCH = ("network.heatmaps.channels=[8,8]", "network.heatmaps.depth=4", "network.heatmaps.fused_channels=8")


def run_config(*settings: str, name: str = "meshgait/tiny") -> RunConfig:
    return checked(RunConfig, overridden(recipe(name).model_dump(mode="json"), [*SMALL, *settings]))


@pytest.fixture(scope="module")
def walkers(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three simulated people with their truth."""
    path = tmp_path_factory.mktemp("truth") / "store"
    config = {"people": {"train": 2, "val": 1, "test": 1}, "takes": (("normal",), ("normal",)), "views": ("000", "090"), "frames": 6,
              "segmentation_error": 0}
    simulate(path, checked(CohortConfig, config), workers=0)
    return Store(path)


def test_parts_of_a_picture_may_be_hidden_from_it_but_not_moved(walkers: Store) -> None:
    still = {"flip": 0.0, "turn": 0.0, "tilt": 0.0}
    plain = DataConfig(people_per_batch=2, sequences_per_person=2, frames=3)
    hidden = plain.model_copy(update={"augmentation": AugmentationConfig.model_validate(still | {"erasing": 1.0})})
    seen, without = (TrainingBatches(walkers, ("silhouettes",), config, 0, truth=Truth(mesh=False))[5] for config in (plain, hidden))
    assert (without.inputs["silhouettes"] <= seen.inputs["silhouettes"]).all()
    assert (without.inputs["silhouettes"] < seen.inputs["silhouettes"]).any()
    assert all((without.extras[name] == value).all() for name, value in seen.extras.items())
    for moved in ({"flip": 0.1}, {"turn": 0.1}, {"tilt": 0.1}, {"perspective": 0.1}, {"affine": 0.1}, {"further": {"rows": 0.1}}):
        assert AugmentationConfig.model_validate(still | moved).moves()
    with pytest.raises(UserError, match="away from their 3D truth: leave erasing alone of it"):
        TrainingBatches(walkers, ("silhouettes",), plain.model_copy(update={"augmentation": AugmentationConfig()}), 0, truth=Truth(mesh=False))


@pytest.mark.parametrize("mesh", [True, False])
def test_a_batch_brings_the_truth_of_its_own_frames(walkers: Store, mesh: bool) -> None:
    batches = TrainingBatches(walkers, ("silhouettes",), DataConfig(people_per_batch=2, sequences_per_person=2, frames=3), 0, truth=Truth(mesh=mesh))
    batch = batches[5]
    assert batch.extras["vertices"].shape == (4, 3, 1229 if mesh else 0, 3)
    for row, key in enumerate(batch.keys):
        whole = walkers.read(walkers.row_of_key[key], ("silhouettes", *FIELDS))
        images = whole.arrays["silhouettes"]
        frames = [int(np.flatnonzero((images == one.numpy()).all((1, 2)))[0]) for one in batch.inputs["silhouettes"][row]]
        true = bodies_of(whole.arrays, whole.labels.source, images.shape[1:], mesh)
        for name in ("joints", "markers", "vertices"):
            assert np.allclose(batch.extras[name][row].numpy(), getattr(true, name)[frames], atol=1e-6), name
        assert np.allclose(batch.extras["root"][row].numpy() * 64 - 0.5, true.root_px[frames], atol=1e-3)


def test_the_true_body_covers_the_silhouette(walkers: Store) -> None:
    for number in range(len(walkers.rows)):
        sequence = walkers.read(number, ("silhouettes", *FIELDS))
        true, images = bodies_of(sequence.arrays, sequence.labels.source, (64, 44)), sequence.arrays["silhouettes"]
        px = true.root_px[:, None] + true.vertices[..., :2] / true.scale_m[:, None, None] * 64
        column, row = (np.rint(px[..., axis]).astype(int).clip(0, size - 1) for axis, size in ((0, 44), (1, 64)))
        near = binary_dilation(images > 0, np.ones((1, 3, 3)))
        inside = np.stack([image[r, c] for image, r, c in zip(near, row, column, strict=True)])
        assert inside[true.known].mean() > 0.98


def test_the_true_body_is_where_the_lidar_saw_something(walkers: Store) -> None:
    for number in range(len(walkers.rows)):
        sequence = walkers.read(number, LIDAR_FIELDS)
        true, returns = lidar_bodies_of(sequence.arrays, sequence.labels.source), np.isfinite(sequence.arrays["range_views"])
        px = true.root_px[:, None] + true.vertices[..., :2] / true.scale_m[:, None, None] * 64
        column, row = (np.rint(px[..., axis]).astype(int).clip(0, size - 1) for axis, size in ((0, 44), (1, 64)))
        near = binary_dilation(returns, np.ones((1, 3, 3)))
        inside = np.stack([image[r, c] for image, r, c in zip(near, row, column, strict=True)])
        assert inside[true.known].mean() > 0.95
        assert np.allclose(true.joints[:, 0], 0)


def test_both_methods_train_on_the_truth_and_recover_bodies(walkers: Store, tmp_path: Path) -> None:
    lidar = tuple(setting.replace("heatmaps", "heatmaps_lidar") for setting in BRANCH)
    crossed = ("objective.diffusion.latent=16", "objective.diffusion.width=16")
    for name, more in (("meshgait/tiny", ()), ("diffcrossgait/tiny_heatmaps", crossed), ("diffcrossgait/tiny_heatmaps_both", (*crossed, *lidar))):
        run = tmp_path / name.replace("/", "-")
        train(run_config(*BRANCH, *more, name=name), walkers, run)
        log = (run / "log.jsonl").read_text()
        assert '"joints"' in log
        assert ('"lidar_joints"' in log) == name.endswith("both")
        model = load(run)
        silhouettes = [walkers.read(number, ["silhouettes"]).arrays["silhouettes"] for number in (0, 1)]
        bodies = model.reconstruct(silhouettes)
        assert [one.vertices.shape for one in bodies] == [(6, 1229, 3)] * 2
        assert model.embed(least_quality=0, silhouettes=silhouettes).values.shape[0] == 2
        with pytest.raises(UserError, match="did you mean 'dense'"):
            model.reconstruct(silhouettes, mesh="dens")
        with pytest.raises(UserError, match=r"silhouettes\[0\] is 32x44, this network takes 64x44"):
            model.reconstruct([silhouettes[0][:, ::2]])


def test_data_without_truth_is_refused_by_name_unless_recognition_alone_is_asked_for(tmp_path: Path) -> None:
    store = make_toy_store(tmp_path / "toy", {"train": 2, "val": 2, "test": 1})
    with pytest.raises(UserError, match=r"p0000/normal-0/000 has no 3D truth to learn from \(joints, markers, .* missing\).*reconstruction=null"):
        train(run_config(*BRANCH), store, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    run = tmp_path / "alone"
    train(run_config(*BRANCH, "objective.reconstruction=null", "network.heatmaps.detach=false"), store, run)
    with pytest.raises(UserError, match="trained without 3D truth"):
        load(run).reconstruct([store.read(0, ["silhouettes"]).arrays["silhouettes"]])
    plain = tmp_path / "plain"
    train(run_config("objective.reconstruction=null", "network.heatmaps=null"), store, plain)
    with pytest.raises(UserError, match="has no 3D branch"):
        load(plain).reconstruct([store.read(0, ["silhouettes"]).arrays["silhouettes"]])
