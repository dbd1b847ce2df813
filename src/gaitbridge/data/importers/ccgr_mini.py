"""CCGR-MINI: of CCGR one view of each person and covariate, 47,884 walks (Zou et al., AAAI 2024)."""

from gaitbridge.data.importers._ccgr import APPLY, CITATION, FIELDS, FILES, LICENCE, named, read
from gaitbridge.data.importers._dataset import Dataset

__all__ = ["DATASET", "named", "read"]
DATASET = Dataset(
    name="CCGR-MINI",
    citation=CITATION,
    apply=APPLY,
    licence=f"CCGR-MINI: {LICENCE}",
    layout=f"601/BGHV1/180_a.avi/{FILES}",
    split="by a list of ids: give CCGR-MINI.json, which comes with the dataset's tools, with --partition (571 train, 400 test, GALLERY_SET of 795)",
    fields=FIELDS,
    people={"train": 571, "test": 400},
    sequences={"all": 47884},
)
