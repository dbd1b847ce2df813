"""CCGR: 970 people, 53 covariates, 33 views (Zou et al., AAAI 2024)."""

import re

from gaitbridge.data.importers._ccgr import APPLY, CITATION, FIELDS, FILES, LICENCE, named, read
from gaitbridge.data.importers._dataset import Dataset

__all__ = ["DATASET", "named", "read", "split_of"]
DATASET = Dataset(
    name="CCGR",
    citation=CITATION,
    apply=APPLY,
    licence=f"CCGR: {LICENCE}",
    layout=f"601/BGHV1/180_a/{FILES}",
    split="by id: 1 to 600 train, 601 to 1000 test",
    fields=FIELDS,
    people={"train": 571, "test": 400},
)
LAST_TO_TRAIN, LAST = 600, 1000


def split_of(person: str) -> str:
    """train or test; empty for a name that is no id."""
    if not re.fullmatch(r"[1-9]\d{0,3}", person) or int(person) > LAST:
        return ""
    return "train" if int(person) <= LAST_TO_TRAIN else "test"
