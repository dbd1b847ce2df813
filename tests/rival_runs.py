"""Runs of DiffCrossGait at toy sizes, stopped and resumed."""

from pathlib import Path

import pytest
import torch

from gaitbridge.config import checked, overridden
from gaitbridge.store import Store
from gaitbridge.training import checkpoint
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]", "network.strides=[2,2]",
       "network.stem_stride=1", "network.embedding=16", "network.parts=8", "objective.diffusion.latent=8", "objective.diffusion.width=8",
       "precision=float32", "log_every=1", "validate_every=2", "steps=4")
TOY_MAPS = ("objective.diffusion.columns=4",)


def toy_run(*settings: str) -> RunConfig:
    return checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), [*TOY, *settings]))


def weights(run: Path) -> dict[str, torch.Tensor]:
    folder = checkpoint.pointed(run, "last")
    assert folder is not None
    return {f"{part}.{name}": x for part in ("network", "objective") for name, x in checkpoint.read_part(folder, part).items()}


def resumed_as_never_stopped(store: Store, folder: Path, *settings: str) -> None:
    """A run stopped after its third step and resumed from the second's checkpoint has the bits of one never stopped."""
    def stop(done: int, total: int, said: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    config = toy_run(*settings)
    train(config, store, folder / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(config, store, folder / "stopped", progress=stop)
    train(config, store, folder / "stopped", resume=True)
    whole, stopped = weights(folder / "whole"), weights(folder / "stopped")
    assert whole.keys() == stopped.keys()
    assert all(torch.equal(whole[name], stopped[name]) for name in whole)
