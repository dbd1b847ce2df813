"""A gallery: people enrolled, asked for, verified and forgotten. It takes embeddings; who makes them (a run, a service) is the caller's affair."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaitbridge.gallery import audit, index
from gaitbridge.gallery.amending import Amending
from gaitbridge.gallery.asking import Asking
from gaitbridge.gallery.looking import Looking


class Gallery(Amending, Asking, Looking):
    """An open gallery; make one with `create`, open one with `Gallery(place)`. `about` says what network its templates belong to."""


def create(place: str | Path, weights_hash: str, shape: tuple[int, int], distance: str, modalities: Sequence[str], model: str = "") -> Gallery:
    """Make an empty gallery for the embeddings of one network. shape: (C, K). UserError where there is something of that name."""
    about = {"weights_hash": weights_hash, "shape": list(shape), "distance": distance, "modalities": list(modalities), "model": model,
             "dimension": int(np.prod(shape)), "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    index.backend(str(place)).create(str(place), about)
    made = Gallery(place)
    audit.note(made.index, "create", weights_hash=weights_hash)
    return made
