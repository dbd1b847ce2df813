"""CCPG: 200 people who change clothes (Li et al., CVPR 2023)."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import read_silhouettes

DATASET = Dataset(
    name="CCPG",
    citation="Li, Hou, Zhang, Cao, Liu, Huang, Zhao: An In-Depth Exploration of Person Re-Identification and Gait Recognition in Cloth-Changing "
    "Conditions. CVPR 2023",
    apply="https://github.com/BNU-IVC/CCPG",
    licence="CCPG: research only, by agreement with its owners (BNU-IVC)",
    layout="000/U0_D0/00_0/00_0-aligned-sils.pkl",
    split="by a list of ids: give CCPG.json, which comes with the dataset's tools, with --partition (100 train, 100 test)",
    fields=("silhouettes",),
    people={"train": 100, "test": 100},
)
read = read_silhouettes


def named(kind: str, view: str) -> dict[str, Any]:
    """U0_D0_BG is the condition: clothes above, below, with a bag. The part of the view before _ is the camera."""
    if not re.fullmatch(r"U\d+_D\d+(_BG)?", kind):
        return {}
    found = re.fullmatch(r"(\d+)_(\d+)", view)
    return {"condition": kind} | ({"camera": found[1], "take": int(found[2])} if found else {"camera": view})
