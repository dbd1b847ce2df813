"""Damaged documents of runs, evaluations, galleries and stores, and the commands that meet them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from campaigns.contract import Failure, all_mutations, shares
from fake_run import make_run
from fake_store import make_store
from gallery_people import embeddings, make, walks
from small_run import small_run
from toy import make_toy_store

from gaitbridge.gallery.decision import calibrate
from gaitbridge.gallery.gallery import Gallery
from gaitbridge.inference.loading import load
from gaitbridge.report.page import write_report
from gaitbridge.run_documents import remembered_store
from gaitbridge.store import Store
from gaitbridge.training.loop import train

SHORT, LONG = 22, 3000
PEOPLE = [f"p{number:02d}" for number in range(20)]

TRAINED = ("config.json", "provenance.json", "log.jsonl", "checkpoints/last.json", "checkpoints/best.json", "checkpoints/*/state.json",
           "checkpoints/*/network.safetensors", "checkpoints/*/objective.safetensors", "checkpoints/*/optimiser.safetensors")
REPORTED = ("config.json", "provenance.json", "log.jsonl", "evaluation/results.json", "evaluation/cmc.json", "evaluation/retrieval.json",
            "evaluation/trajectory.json")
STORE = ("store.json", "index.parquet", "shards/*.arrow")
GALLERY = ("gallery.json", "calibration.json", "audit.jsonl", "*.lance/data/*", "*.lance/_versions/*.manifest", "*.lance/_transactions/*")


def use_run(run: Path) -> None:
    """Load it, embed, read what it remembers, and go on with its training as far as that is checked before the first step."""
    model = load(run)
    model.embed(least_quality=0, silhouettes=[np.full((2, 64, 44), 255, np.uint8)])
    model.objective()
    remembered_store(run)
    assert model.trained_on is None or isinstance(model.trained_on, str)
    train(model.config.model_copy(update={"steps": 2}), Store(run.parent / "store"), run, resume=True)


def show_run(run: Path) -> None:
    """Its report."""
    write_report(run, None, run.parent / "page.html")


def ask_gallery(place: Path) -> None:
    """Whatever is asked of a gallery."""
    gallery = Gallery(place)
    gallery.calibration()
    gallery.search(embeddings(["p01"], seed=3), top=3)
    gallery.verify(embeddings(["p01"], seed=3), "p01")
    gallery.people()
    gallery.audit_of(["x"])
    gallery.check()


def open_store(place: Path) -> None:
    """Its rows, and one sequence of each shard."""
    store = Store(place)
    store.read(0, ["silhouettes", "range_views"])
    str(store.document["about"])
    store.verify()


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    """`count` damages, spread over all kinds of documents."""
    store = make_toy_store(folder / "store", {"train": 4, "val": 2, "test": 2}, (0,), 3)
    run = small_run(store, folder / "run")
    shown = make_run(folder / "shown", make_store(folder / "blobs"))
    gallery = make(folder / "gallery")
    gallery.enrol(embeddings(PEOPLE), walks(PEOPLE))
    sides, types = embeddings(PEOPLE * 3, seed=5), [f"{name}/{number}" for number, name in enumerate(PEOPLE * 3)]
    gallery.keep_calibration(calibrate([sides], [PEOPLE * 3], [types], "set", "h" * 32, "2026-11-21", (0.1,)))
    kinds: list[tuple[Callable[[Path], None], Path, str]] = [
        *((use_run, run, pattern) for pattern in TRAINED), *((show_run, shown, pattern) for pattern in REPORTED),
        *((ask_gallery, folder / "gallery", pattern) for pattern in GALLERY), *((open_store, folder / "store", pattern) for pattern in STORE)]
    each = zip(kinds, shares(count, len(kinds)), strict=True)
    files = [(read, sorted(place.glob(pattern))[0], place, runs) for (read, place, pattern), runs in each]
    found = all_mutations(files, seed, seconds=60)
    shutil.rmtree(folder / "gallery")
    return found
