"""GREW: 26,345 people in the wild, 882 cameras (Zhu et al., ICCV 2021). The identities of its probes are hidden: they are the person `probe`."""

import re
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._silhouettes import read_silhouettes

DATASET = Dataset(
    name="GREW",
    citation="Zhu, Guo, Yang, Huang, Deng, Huang, Du, Lu, Zhou: Gait Recognition in the Wild: A Benchmark. ICCV 2021",
    apply="https://www.grew-benchmark.org",
    licence="GREW: research only, by agreement with its owners (GREW benchmark)",
    layout="00001train/00/4XPn5Z28/4XPn5Z28.pkl, 00001/01/79XJefi8/79XJefi8.pkl, probe/03/etaGVnWf/etaGVnWf.pkl",
    split="by name: 00001train trains, 00001 and probe are the test",
    fields=("silhouettes",),
    people={"train": 20000, "test": 6001},  # `probe` counts as one
    sequences={"train": 102887, "test": 24000},
)
read = read_silhouettes


def named(kind: str, view: str) -> dict[str, Any]:
    """01 is take 1 (00 train, 01 and 02 gallery, 03 probes with hidden identities); a view is a random name."""
    return {"take": int(kind)} if kind.isdigit() else {}


def split_of(person: str) -> str:
    """train or test; empty for a name that is no id."""
    found = re.fullmatch(r"\d{5}(train)?|probe", person)
    return "" if found is None else ("train" if found[1] else "test")
