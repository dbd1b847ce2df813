"""Damaged captures of motion, and all that reads them: a line that names the file."""

from pathlib import Path

import numpy as np
from acclaim_files import write_amc, write_asf
from campaigns.contract import Failure, all_mutations, shares
from capture_files import write_bvh

from gaitbridge.simulation.motion import amc, bvh
from gaitbridge.simulation.motion._captures import CapturedSource

SHORT, LONG = 30, 3000


def play_bvh(folder: Path) -> None:
    """BVH captures, as `simulate --motion bvh:DIR` opens them."""
    finite(bvh.open_source(str(folder)))


def play_amc(folder: Path) -> None:
    """ASF and AMC captures, as `simulate --motion amc:DIR` opens them."""
    finite(amc.open_source(str(folder)))


def finite(source: object) -> None:
    """What was read can be walked with."""
    assert isinstance(source, CapturedSource)
    for person in source.people or ():
        for take in range(source.takes(person)):
            capture = source.capture(person, take)
            assert np.isfinite(capture.recording.world_rotations()).all()
            assert np.isfinite(capture.recording.root_positions()).all()
            assert 0.0 < capture.duration_s < 1e6


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    """`count` damages, a third each of a BVH, an ASF and an AMC file."""
    for name in ("bvh", "amc"):
        (folder / name).mkdir(parents=True)
    write_bvh(folder / "bvh" / "ann_1.bvh", seconds=1.5)
    write_asf(folder / "amc" / "ann.asf")
    write_amc(folder / "amc" / "ann_1.amc", seconds=1.5, hz=20.0)
    good = [(play_bvh, folder / "bvh" / "ann_1.bvh"), (play_amc, folder / "amc" / "ann.asf"), (play_amc, folder / "amc" / "ann_1.amc")]
    files = [(use, file, file.parent, runs) for (use, file), runs in zip(good, shares(count, len(good)), strict=True)]
    return all_mutations(files, seed, seconds=30)
