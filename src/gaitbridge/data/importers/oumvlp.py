"""OU-MVLP: 10,307 people, fourteen views, two walks (Takemura et al., IPSJ T. CVA 2018)."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import read_silhouettes

DATASET = Dataset(
    name="OU-MVLP",
    citation="Takemura, Makihara, Muramatsu, Echigo, Yagi: Multi-view large population gait dataset and its performance evaluation for "
    "cross-view gait recognition. IPSJ Transactions on Computer Vision and Applications 10:4, 2018",
    apply="http://www.am.sanken.osaka-u.ac.jp/BiometricDB/GaitMVLP.html",
    licence="OU-MVLP: research only, by agreement with its owners (ISIR, Osaka University)",
    layout="00001/00/000/000.pkl",
    split="by id: odd ones train, even ones test; the last, 10307, belongs to the test as well",
    fields=("silhouettes",),
    people={"train": 5153, "test": 5154},
)
LAST = 10307  # odd, but in the published test set: 5,153 and 5,154 people
read = read_silhouettes


def named(kind: str, view: str) -> dict[str, Any]:
    """00 is take 0; 270 is 270 degrees."""
    if not (kind.isdigit() and view.isdigit()):
        return {}
    return {"take": int(kind), "view_deg": float(view), "camera_hz": 25.0}


def split_of(person: str) -> str:
    """train or test; empty for a name that is no id."""
    if not re.fullmatch(r"\d{5}", person) or not 1 <= int(person) <= LAST:
        return ""
    return "train" if int(person) % 2 and int(person) != LAST else "test"
