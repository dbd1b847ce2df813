"""Tiny runs in double precision, for `test_processes`: what is left of a difference is then no rounding.

python double_run.py STORE FOLDER RUN[:STOP] ...   each RUN of 4 steps, or ended after STOP of them as by a kill; one that is there goes on.
"""

import functools
import sys
from pathlib import Path
from typing import Any

import lightning.fabric
import torch

from gaitbridge.config import checked, overridden
from gaitbridge.store import Store
from gaitbridge.training import loop
from gaitbridge.training.config import RunConfig, recipe

SETTINGS = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]", "network.strides=[2,2]",
            "network.stem_stride=1", "network.embedding=16", "network.parts=8", "objective.diffusion.latent=16", "objective.diffusion.width=16",
            "objective.warm_up=0", "precision=float32", "log_every=1", "validate_every=2", "steps=4", "optimiser.learning_rate=0.01")

WITHOUT_NORMS = (*(one for one in SETTINGS if one.startswith(("data", "precision", "log", "validate", "steps"))), "network.channels=[4,4,4]",
                 "network.embedding=8", "optimiser.ema=0.9", "optimiser.learning_rate=0.01")


class Stopped(Exception):
    pass


def run(store: Store, folder: Path, stop: int) -> None:
    real = loop.learning_rate

    def rate(config: Any, step: int, steps: int) -> float:
        if step == stop:
            raise Stopped
        return real(config, step, steps)

    loop.learning_rate = rate
    config = checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), SETTINGS))
    if "parts" in folder.name:  # of a network without batch norms, in as many parts as the name says, with an average
        settings = (*WITHOUT_NORMS, f"optimiser.accumulate={folder.name[-1]}")
        config = checked(RunConfig, overridden(recipe("gaitset/tiny").model_dump(mode="json"), settings))
    try:
        loop.train(config, store, folder, resume=(folder / "config.json").is_file())
    except Stopped:
        pass
    finally:
        loop.learning_rate = real


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
    lightning.fabric.Fabric = functools.partial(lightning.fabric.Fabric, precision="64-true")
    loop.validate = lambda *given: {}  # embeddings are float32
    for word in sys.argv[3:]:
        name, _, stop = word.partition(":")
        run(Store(sys.argv[1]), Path(sys.argv[2]) / name, int(stop or -1))
