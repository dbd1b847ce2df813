"""CASIA-E: 1,014 people at three places, two heights of cameras, three conditions and many views (Song et al., T-PAMI 2023)."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import read_silhouettes

DATASET = Dataset(
    name="CASIA-E",
    citation="Song, Huang, Wang, Wang: CASIA-E: A Large Comprehensive Dataset for Gait Recognition. IEEE T-PAMI 45(3), 2023",
    apply="https://www.scidb.cn/en/detail?dataSetId=57be0e918db743279baf44a38d013a06",
    licence="CASIA-E: research only, on the terms of its owners (Institute of Automation, Chinese Academy of Sciences)",
    layout="001/H-scene1-nm-1/000/000.pkl",
    split="by id: 001 to 200 train, 201 to 1014 test, as the field's toolkit has it (its owners' own split is another)",
    fields=("silhouettes",),
    people={"train": 200, "test": 814},
)
LAST_TO_TRAIN, LAST = 200, 1014
read = read_silhouettes


def named(kind: str, view: str) -> dict[str, Any]:
    """H-scene3_s-nm-1 is the high camera, scene 3 (its second part, _s), condition nm, take 1; 090 is 90 degrees."""
    found = re.fullmatch(r"([HL])[-_](scene\d(?:_s)?)[-_](nm|bg|cl)[-_](\d+)", kind)
    if found is None or not view.isdigit():
        return {}
    return {"camera": found[1], "condition": found[3], "take": int(found[4]), "view_deg": float(view)}


def split_of(person: str) -> str:
    """train or test; empty for a name that is no id."""
    if not re.fullmatch(r"\d{3,4}", person) or not 1 <= int(person) <= LAST:
        return ""
    return "train" if int(person) <= LAST_TO_TRAIN else "test"
