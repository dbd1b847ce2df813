"""What an import found against what the dataset's owners publish."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._partition import Partition
from gaitbridge.data.importers._person import Report

SPLITS = ("train", "val", "test")
EXAMPLES = 3


@dataclass(frozen=True)
class Line:
    """One count: what of, how many were found, how many are published (None: not known, or no such number), and a remark."""

    what: str
    found: int
    published: int | None = None
    remark: str = ""


def lines_of(dataset: Dataset, reports: Sequence[Report], people: Sequence[str], partition: Partition) -> list[Line]:
    """The summary as lines, for the terminal and for store.json."""
    held = {split: [report for report in reports if report.split == split and report.kept] for split in SPLITS}
    lines = []
    for what, published, count in (("people", dataset.people, len), ("sequences", dataset.sequences, _sequences)):
        counts = {split: count(held[split]) for split in SPLITS}
        for split in SPLITS:
            lines += _split_line(what, split, counts, published)
        total = published.get("all") or (sum(published.values()) if {"train", "test"} <= set(published) else None)
        lines.append(Line(f"{what}, all", sum(counts.values()), total))
    nobody = [person for person in people if not partition.split_of(person)]
    lines.append(Line("folders of people in no split, left out", len(nobody), None, _some(nobody)))
    if partition.listed:
        absent = sorted(partition.listed - set(people))
        lines.append(Line("people of the partition file who are not there", len(absent), None, _some(absent)))
    lines.append(Line("sequences left out because of a problem", sum(report.left_out for report in reports)))
    fields = sum((report.fields for report in reports), Counter[str]())
    lines += [Line(f"sequences with {name}", fields[name]) for name in dataset.fields]
    return lines + _notes(reports)


def _split_line(what: str, split: str, counts: dict[str, int], published: Any) -> list[Line]:
    if split == "val":
        return [Line(f"{what}, val", counts["val"], None, "taken from train")] if counts["val"] else []
    if split == "train" and counts["val"]:
        wanted = f", published {published['train']:,}" if "train" in published else ""
        return [Line(f"{what}, train", counts["train"], None, f"with val {counts['train'] + counts['val']:,}{wanted}")]
    return [Line(f"{what}, {split}", counts[split], published.get(split))]


def _sequences(reports: Iterable[Report]) -> int:
    return sum(len(report.kept) for report in reports)


def _notes(reports: Iterable[Report]) -> list[Line]:
    kinds = Counter(kind for report in reports for kind, _ in report.notes)
    return [Line(kind, count) for kind, count in sorted(kinds.items())]


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:EXAMPLES]) + (", ..." if len(words) > EXAMPLES else "")


def probe_lines(reports: Iterable[Report], partition: Partition) -> tuple[list[str], list[Line]]:
    """Keys of the test sequences that the partition's PROBE_SET names, and lines on those that are missing or have no mate in the gallery."""
    if not partition.probes and not partition.gallery:
        return [], []
    test = {key.replace("/", "-"): key for report in reports if report.split == "test" for key in report.keys}
    named = partition.probes or frozenset(test) - partition.gallery
    probes = sorted(test[name] for name in named & set(test))
    gallery = {key.split("/")[0] for name, key in test.items() if name not in named}
    alone = [key for key in probes if key.split("/")[0] not in gallery]
    if partition.gallery:
        absent = sorted(partition.gallery - set(test))
        return probes, [
            Line("gallery of GALLERY_SET", len(test) - len(probes), len(partition.gallery)),
            Line("probes (test, not in GALLERY_SET)", len(probes)),
            Line("gallery sequences of GALLERY_SET that are not there", len(absent), None, _some(absent)),
            Line("probes without a mate in the gallery", len(alone), None, _some(alone)),
        ]
    missing = sorted(partition.probes - set(test))
    return probes, [
        Line("probes of PROBE_SET", len(probes), len(partition.probes)),
        Line("gallery sequences (test, not in PROBE_SET)", len(test) - len(probes)),
        Line("probes of PROBE_SET that are not there", len(missing), None, _some(missing)),
        Line("probes without a mate in the gallery", len(alone), None, _some(alone)),
    ]
