"""What losses, augmentations, protocols, studies and importers of one's own must keep to."""

from pathlib import Path

import numpy as np
import torch

from gaitbridge import plugins
from gaitbridge.errors import UserError
from gaitbridge.losses import _further
from gaitbridge.store import FIELDS, Store


def check_loss(name: str) -> None:
    """One finite number of part features [N, C, K] and class numbers [N], the same one again, with a gradient; also of people met once."""
    torch.manual_seed(0)
    loss = _further.made(name, 4, 8, 3)
    parts = torch.randn(6, 8, 4).requires_grad_()
    for people in (torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 0, 0, 0, 1])):
        found = loss(parts, people)
        assert isinstance(found, torch.Tensor), f"it gives a {type(found).__name__}, not a tensor"
        assert found.ndim == 0, f"it gives {list(found.shape)}, not one number"
        assert torch.isfinite(found), f"it gives {float(found)} for people {people.tolist()}"
        assert torch.equal(found, loss(parts, people)), "it gives another number when asked again"
    found = loss(parts, torch.tensor([0, 0, 1, 1, 2, 2]))
    gradient = torch.autograd.grad(found, parts, allow_unused=True)[0] if found.requires_grad else None
    assert gradient is not None, "no gradient comes back to the part features: nothing would be learnt from it"
    assert torch.isfinite(gradient).all(), "its gradient is not finite"


def check_augmentation(name: str) -> None:
    """New pictures of the same names, shapes and type, the same ones for the same draws, whatever else was drawn in the world."""
    from gaitbridge.data.augmentation import AUGMENTATIONS

    module = plugins.load(AUGMENTATIONS, name)
    assert hasattr(module, "augment"), "it has no function augment(pictures, random)"
    random = np.random.default_rng(0)
    pictures = {"silhouettes": np.where(random.random((3, 64, 44)) > 0.5, 255, 0).astype(np.uint8),
                "pose_heatmaps": random.integers(0, 256, (3, 2, 64, 44), np.uint8)}
    before = {key: array.copy() for key, array in pictures.items()}
    found, again = ([module.augment(dict(pictures), np.random.default_rng(seed)) for seed in range(4)] for _ in range(2))
    for one, other in zip(found, again, strict=True):
        assert set(one) == set(pictures), f"it gives {sorted(one)}, not {sorted(pictures)}"
        for key, array in one.items():
            assert array.dtype == np.uint8, f"{key} is {array.dtype}, not uint8"
            assert array.shape == pictures[key].shape, f"{key} is {list(array.shape)}, not {list(pictures[key].shape)}"
            assert np.array_equal(array, other[key]), "it gives other pictures for the same draws: take all numbers from `random`"
    assert all(np.array_equal(pictures[key], array) for key, array in before.items()), "it changes the pictures that it was given: copy them first"


def check_protocol(name: str) -> None:
    """It can be read, and says itself again."""
    from gaitbridge.data.protocols import document_of, load_protocol, protocol_of

    protocol = load_protocol(name)
    assert protocol_of(document_of(protocol), name) == protocol


def check_study(name: str) -> None:
    """Its arms have names of their own, are held against arms that there are, and their settings fit their recipes."""
    from gaitbridge.config import checked, overridden
    from gaitbridge.training.config import RunConfig, recipe
    from gaitbridge.training.studies import PLUGGED

    study = plugins.load(PLUGGED, name).STUDY
    names = [arm.name for arm in study.arms]
    assert len(set(names)) == len(names), "two arms have one name"
    for arm in study.arms:
        assert not arm.against or arm.against in names, f"the arm {arm.name} is held against {arm.against!r}, which is none"
        try:
            checked(RunConfig, overridden(recipe(arm.recipe or study.recipe).model_dump(mode="json"), arm.settings))
        except UserError as error:
            raise AssertionError(f"the arm {arm.name}: {error}") from error


def check_importer(name: str, folder: Path) -> None:
    """Its facts are whole; and where it has `example(root)`, which writes a small tree (and returns its partition file, or None), that is imported.

    folder: an empty one to work in.
    """
    from gaitbridge.data.importers._dataset import Dataset
    from gaitbridge.data.importers._run import import_dataset
    from gaitbridge.data.importers._source import IMPORTERS

    module = plugins.load(IMPORTERS, name)
    lacking = [part for part in ("DATASET", "named", "read") if not hasattr(module, part)]
    assert not lacking, f"it has no {', '.join(lacking)}: see gaitbridge.data.importing"
    facts = module.DATASET
    assert isinstance(facts, Dataset), "DATASET is no gaitbridge.data.importing.Dataset"
    silent = [part for part in ("name", "citation", "apply", "licence", "layout", "split") if not getattr(facts, part).strip()]
    assert not silent, f"DATASET says no {', '.join(silent)}"
    assert "\n" not in facts.licence, "the licence is one line"
    assert set(facts.fields) <= set(FIELDS), f"fields that no store has: {', '.join(sorted(set(facts.fields) - set(FIELDS)))}"
    assert hasattr(module, "example"), "it has no example(root), which writes a small tree in its layout: it cannot be tried without the data"
    partition = module.example(folder / "tree")
    done = import_dataset(name, folder / "tree", folder / "store", partition=partition)
    assert not done.problems, f"of its own example: {done.problems[0]}"
    store = Store(folder / "store")
    store.verify()
    assert {row["licence"] for row in store.rows} == {facts.licence}
    _check_damage(name, folder, partition)


def _check_damage(name: str, folder: Path, partition: Path | None) -> None:
    """Cut short, a file that it reads is a problem that names it."""
    from gaitbridge.data.importers._run import import_dataset

    files = [path for path in sorted((folder / "tree").rglob("*")) if path.is_file() and path != partition]
    for number, file in enumerate(files):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        try:
            done = import_dataset(name, folder / "tree", folder / f"damaged-{number}", partition=partition)
            problems = done.problems
        except UserError as error:  # there was nothing else
            problems = [str(error)]
        finally:
            file.write_bytes(whole)
        if problems:
            assert str(file) in problems[0], f"a damaged {file.name} is not named: {problems[0]}"
            return
    raise AssertionError("a file of its example that is cut short is taken as if it were whole")
