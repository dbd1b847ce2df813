"""Captured walks: `amc:DIR`, subjects as ASF and their trials as AMC: `<subject>.asf` beside `<subject>_<trial>.amc`, in DIR or in folders in it.

What they share with other captures: `_captures`. A body of the subject's own bone lengths: `_own_bones`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.simulation.motion import MotionSource
from gaitbridge.simulation.motion._amc_file import read_amc
from gaitbridge.simulation.motion._asf_file import Skeleton, read_asf
from gaitbridge.simulation.motion._captures import Capture, CapturedSource, checked, files_in, person_of, source_of
from gaitbridge.simulation.motion._own_bones import asked_of_body

LAYOUT = "where DIR holds <subject>.asf and <subject>_<trial>.amc files, or a folder of these for each subject"


@dataclass
class SubjectSource(CapturedSource):
    """Captured people with bones of their own; see `_own_bones.KnowsBones`."""

    def asked_m(self, person: str, leg_m: float) -> np.ndarray:
        """The lengths [8] that are asked of a body for this person."""
        return asked_of_body(self.capture(person, 0), leg_m)


def open_source(argument: str | None) -> MotionSource:
    """The captures of a folder, all of them read and checked now; UserError for an empty folder or an unusable file."""
    if not argument:
        raise UserError(f"--motion amc needs a folder: write amc:DIR, {LAYOUT}")
    folder = Path(argument)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: write amc:DIR, {LAYOUT}")
    paths = files_in(folder, ".amc", deep=True)
    if not paths:
        raise UserError(f"{folder} holds no .amc file: write amc:DIR, {LAYOUT}")
    found = source_of(f"amc:{folder.name}", folder, read_captures(paths))
    return SubjectSource(found.name, found.licence, found.people, found.captures)


def read_captures(paths: list[Path]) -> Iterator[Capture]:
    """Trials, each checked; a subject's skeleton is read once."""
    skeletons: dict[str, Skeleton] = {}
    for path in paths:
        subject = person_of(path)
        if subject not in skeletons:
            skeletons[subject] = read_asf(skeleton_beside(path))
        elif skeletons[subject].path.parent != path.parent:
            raise UserError(f"{path}: subject {subject} is in {skeletons[subject].path.parent}, too: put all of a subject's files into one folder")
        yield checked(read_amc(path, skeletons[subject]))


def skeleton_beside(path: Path) -> Path:
    """The ASF file of a trial's subject."""
    found = [one for one in files_in(path.parent, ".asf") if one.stem == person_of(path)]
    if not found:
        raise UserError(f"{path}: there is no {person_of(path)}.asf beside it: put the subject's skeleton there, CMU publishes one a subject")
    return found[0]
