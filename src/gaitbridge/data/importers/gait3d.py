"""Gait3D: 4,000 people in a supermarket, silhouettes and SMPL (Zheng et al., CVPR 2022)."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import SMPL_FIELDS, read_silhouettes_with_smpl

DATASET = Dataset(
    name="Gait3D",
    citation="Zheng, Liu, Liu, He, Yan, Mei: Gait Recognition in the Wild with Dense 3D Representations and A Benchmark. CVPR 2022",
    apply="https://gait3d.github.io",
    licence="Gait3D: research only, by agreement with its owners (Hangzhou Dianzi University and JD Explore Academy); SMPL: research only",
    layout="0000/camid0_videoid2/seq0/{sils-seq0.pkl, smpls-seq0.pkl} (or seq0.pkl; or a .npz for each frame)",
    split="by a list of ids: give Gait3D.json, which comes with the dataset's tools, with --partition (3,000 train, 1,000 test, PROBE_SET)",
    fields=("silhouettes", *SMPL_FIELDS),
    people={"train": 3000, "test": 1000},
    sequences={"train": 18940, "test": 6369},
)
read = read_silhouettes_with_smpl


def named(kind: str, view: str) -> dict[str, Any]:
    """camid0_videoid2 is camera 0, take 2; the view angle is unknown."""
    found = re.fullmatch(r"camid(\d+)_videoid(\d+)", kind)
    return {"camera": found[1], "take": int(found[2]), "camera_hz": 25.0} if found and re.fullmatch(r"seq\d+", view) else {}
