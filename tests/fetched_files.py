"""A model of a few bytes that stands for the one that is fetched, and the wheel that it lies in."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from gaitbridge.capture.fetched import KNOWN, File

CONTENTS = {"pose_landmark_full.tflite": np.random.default_rng(1).bytes(3000), "pose_detection.tflite": np.random.default_rng(2).bytes(2000)}
WHEEL = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"
ABOUT = "mediapipe-0.10.21.dist-info/"
MEMBERS = {file.member: CONTENTS[file.name] for file in KNOWN["people"].files} | {
    ABOUT + "LICENSE": b"Apache License", ABOUT + "METADATA": b"Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n",
    ABOUT + "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n", ABOUT + "RECORD": b"",
}  # fmt: skip


def small_people() -> None:
    """From now on in this process, the model `people` is the small one."""
    files = tuple(File(file.name, file.member, len(content), hashlib.sha256(content).hexdigest())
                  for file in KNOWN["people"].files for content in [CONTENTS[file.name]])
    KNOWN["people"] = replace(KNOWN["people"], files=files, package_bytes=6000)


def wheel_bytes(members: dict[str, bytes] = MEMBERS) -> bytes:
    """A wheel with these members, the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def write_wheel(folder: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    """The wheel as a file."""
    (folder / WHEEL).write_bytes(wheel_bytes(members))
    return folder / WHEEL
