"""CASIA-B: 124 people indoors, three conditions, eleven views (Yu, Tan, Tan, ICPR 2006)."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import read_silhouettes

DATASET = Dataset(
    name="CASIA-B",
    citation="Yu, Tan, Tan: A Framework for Evaluating the Effect of View Angle, Clothing and Carrying Condition on Gait Recognition. ICPR 2006",
    apply="http://www.cbsr.ia.ac.cn/english/Gait%20Databases.asp",
    licence="CASIA-B: research only, by agreement with its owners (CBSR, Chinese Academy of Sciences)",
    layout="001/nm-01/090/090.pkl",
    split="by id: 001 to 074 train, 075 to 124 test (the field's own file leaves 005 out of training: give it with --partition)",
    fields=("silhouettes",),
    people={"train": 74, "test": 50},
    sequences={"train": 74 * 110, "test": 50 * 110},
)
LAST_TO_TRAIN = 74
read = read_silhouettes


def named(kind: str, view: str) -> dict[str, Any]:
    """nm-05 is condition nm, take 5; 090 is 90 degrees."""
    found = re.fullmatch(r"(nm|bg|cl)-(\d+)", kind)
    if found is None or not view.isdigit():
        return {}
    return {"condition": found[1], "take": int(found[2]), "view_deg": float(view), "camera_hz": 25.0}


def split_of(person: str) -> str:
    """train or test; empty for a name that is no id."""
    if not re.fullmatch(r"\d{3}", person) or not 1 <= int(person) <= 124:
        return ""
    return "train" if int(person) <= LAST_TO_TRAIN else "test"
