"""A plug-in of every kind, a file each, as somebody outside of the repository writes it."""

from pathlib import Path

METHOD = '''"""The mean picture of a walk, projected: a method in one file."""

from gaitbridge.config import Channels, Config, Size
from gaitbridge.losses.identity import IdentityConfig, IdentityObjective
from gaitbridge.models.pooling import temporal_max
from gaitbridge.training.config import RunConfig
from gaitbridge.types import Features
from torch import nn


class NetworkConfig(Config):
    embedding: Channels = 16
    """Channels of the embedding."""
    size: Size = (64, 44)
    """Of the pictures."""
    parts: Channels = 1
    """Of the body."""


class Network(nn.Module):
    modalities = ("silhouettes",)
    inputs = {"silhouettes": ("silhouettes",)}
    distance = "euclidean"

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.project = nn.Linear(config.size[0] * config.size[1], config.embedding)

    def forward(self, batch):
        brightest = temporal_max(batch.inputs["silhouettes"].float().unsqueeze(2) / 255, batch.frames)
        parts = self.project(brightest.flatten(1)).unsqueeze(2)
        return Features({"silhouettes": parts}, {"silhouettes": parts})

    def embed(self, batch):
        return self.forward(batch).embeddings


class ObjectiveConfig(IdentityConfig):
    pass


Objective = IdentityObjective


def quick() -> RunConfig:
    """A few steps."""
    return RunConfig(method="mean_picture", recipe="mean_picture/quick", network=NetworkConfig(), objective=ObjectiveConfig(), steps=2)
'''

LOSS = '''"""How far part features stand from the mean of their person."""


def loss(parts, people):
    same = (people[:, None] == people).float()
    centres = (same / same.sum(1, keepdim=True)) @ parts.flatten(1)
    return (parts.flatten(1) - centres).square().mean()
'''

AUGMENTATION = '''"""The lowest rows become background, as behind a kerb."""


def augment(pictures, random):
    rows = int(random.integers(1, 9))
    changed = {name: array.copy() for name, array in pictures.items()}
    for array in changed.values():
        array[..., -rows:, :] = 0
    return changed
'''

IMPORTER = '''"""Walks of a corridor of ours."""

import pickle

import numpy as np
from gaitbridge.data.importing import Dataset, read_silhouettes

DATASET = Dataset(name="Corridor", citation="ours", apply="nowhere", licence="own data, not to be passed on", layout="001/walk-1/090/090.pkl",
                  split="by id: below 100 train", fields=("silhouettes",), people={"train": 1, "test": 1})
read = read_silhouettes


def named(kind, view):
    return {"condition": "walk", "take": int(kind.split("-")[1]), "view_deg": float(view)}


def split_of(person):
    return "train" if int(person) < 100 else "test"


def example(root):
    for person in ("001", "100"):
        for take in (0, 1):
            file = root / person / f"walk-{take}" / "090" / "090.pkl"
            file.parent.mkdir(parents=True)
            pictures = np.zeros((3, 64, 64), np.uint8)
            pictures[:, 4:60, 20:40] = 255
            file.write_bytes(pickle.dumps(pictures))
'''

STUDY = '''"""Whether the further loss helps."""

from gaitbridge.training.study import Arm, Study

STUDY = Study("centres", "does the pull to the centre help?", "mean_picture/quick",
              (Arm("without", "as published"), Arm("with", "pulled to the centre", ("objective.further.centre=0.5",), "without")))
'''

PROTOCOL = '''{"name": "bags", "probe": {"match": {"condition": ["bag"]}}, "gallery": {"match": {"condition": ["normal"]}}}'''

FILES = {"methods/mean_picture.py": METHOD, "losses/centre.py": LOSS, "augmentations/kerb.py": AUGMENTATION, "importers/corridor.py": IMPORTER,
         "studies/centres.py": STUDY, "protocols/bags.json": PROTOCOL}


def written(folder: Path, *names: str) -> Path:
    """The folder, with the plug-in's files in it; these alone where any are named."""
    for name in names or FILES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FILES[name])
    return folder
