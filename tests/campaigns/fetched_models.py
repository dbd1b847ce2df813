"""Damaged wheels that a model is taken from, and damaged files of a fetched model: a line, or the very bytes that its makers made."""

from pathlib import Path

import fetched_files as made
from campaigns.contract import Failure, all_mutations, shares

from gaitbridge.capture.fetched import opened
from gaitbridge.capture.fetching import get, remove

SHORT, LONG = 60, 4000


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    made.small_people()
    wheel = made.write_wheel(folder)
    get("people", wheel, folder / "models")
    place = folder / "models" / "people"
    parts = list(shares(count, 4))
    return all_mutations([(take, wheel, wheel, parts[0] + parts[1]), (look, place / "pose_detection.tflite", folder / "models", parts[2]),
                          (look, place / "pose_landmark_full.tflite", folder / "models", parts[3])], seed)  # fmt: skip


def take(wheel: Path) -> None:
    """As `models get people --from` takes it."""
    made.small_people()
    remove("people", wheel.parent / "taken")
    get("people", wheel, wheel.parent / "taken")
    assert {name: content for name, (_, content) in opened("people", wheel.parent / "taken").items()} == made.CONTENTS


def look(models: Path) -> None:
    """As capture opens it, before anything of it reaches a runtime."""
    made.small_people()
    assert {name: content for name, (_, content) in opened("people", models).items()} == made.CONTENTS
