"""What a store holds, as tables for the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from gaitbridge.conventions import CONDITIONS, SPLITS
from gaitbridge.report.tables import SENSOR_NAME, TextTable
from gaitbridge.store import Store
from gaitbridge.walks import FLOOR

if TYPE_CHECKING:
    from rich.table import Table

MODALITY_FRAMES = {"camera": "silhouettes_frames", "lidar": "range_views_frames"}


def describe_store(store: Store) -> list[Table]:
    """Rich tables of a store: what it is, people and sequences by split, by condition and by view; print them in turn."""
    return [table.to_rich() for table in store_tables(store)]


def store_tables(store: Store) -> list[TextTable]:
    """The same tables as text."""
    rows = store.rows
    tables = [_overview(store), _by_split(rows)]
    orders: dict[str, list[str]] = {"condition": list(CONDITIONS), "view": []}
    for name, order in orders.items():
        values = sorted({row[name] for row in rows}, key=lambda value: _place(value, order))
        lines = [_counts(value, [row for row in rows if row[name] == value]) for value in values]
        tables.append(TextTable(f"By {name}", (name, *_HEADER), tuple(lines)))
    return tables


_HEADER = ("people", "sequences", "with camera", "with LiDAR")


def _place(value: str, order: list[str]) -> tuple[int, str]:
    return (order.index(value) if value in order else len(order), value)


def _counts(name: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    people = len({row["person"] for row in rows})
    seen = [sum(row[frames] > 0 for row in rows) for frames in MODALITY_FRAMES.values()]
    return (str(name), *(f"{count:,}" for count in (people, len(rows), *seen)))


def _by_split(rows: list[dict[str, Any]]) -> TextTable:
    splits = sorted({row["split"] for row in rows}, key=lambda value: _place(value, list(SPLITS)))
    lines = [_counts(split, [row for row in rows if row["split"] == split]) for split in splits]
    return TextTable("By split", ("split", *_HEADER), (*lines, _counts("all", rows)))


def _spread(values: Iterable[float], unit: str = "") -> str:
    found = sorted({value for value in values if value == value})  # without NaN, which stands for unknown
    if not found:
        return "none"
    ends = f"{found[0]:g}" if found[0] == found[-1] else f"{found[0]:g} to {found[-1]:g}"
    return f"{ends} {unit}".strip()


def quality_words(scores: Collection[float]) -> str:
    """The scores of walks that were stored at capture, in words."""
    if not scores:
        return "not stored: it is judged where it is asked for"
    low = sum(score < FLOOR for score in scores)
    return f"{min(scores):.2f} to {max(scores):.2f}, median {statistics.median(scores):.2f}; {low:,} of {len(scores):,} below {FLOOR:g}"


def _overview(store: Store) -> TextTable:
    rows, document = store.rows, store.document
    size = sum(entry["bytes"] for entry in document["shards"].values()) + store.index.stat().st_size
    about = document.get("about", {})
    lines: list[tuple[str, str]] = [
        ("place", str(store.path)),
        ("sequences", f"{len(rows):,} of {len({row['person'] for row in rows}):,} people"),
    ]
    for sensor, name in MODALITY_FRAMES.items():
        seen = [row for row in rows if row[name] > 0]
        text = (
            f"{len(seen):,} sequences, {sum(row[name] for row in seen):,} frames, {_spread(row[name] for row in seen)} a sequence" if seen else "none"
        )
        lines.append((SENSOR_NAME[sensor], text))
    lines += [
        ("image size", ", ".join(f"{height} x {width}" for height, width in sorted({(row["height"], row["width"]) for row in rows})) or "none"),
        ("camera rate", _spread((row["camera_hz"] for row in rows if row["camera_hz"]), "Hz")),
        ("LiDAR rate", _spread((row["lidar_hz"] for row in rows if row["lidar_hz"]), "Hz")),
        ("distance", _spread((round(row["distance_m"], 1) for row in rows), "m")),
        ("quality", quality_words([row["quality"] for row in rows if row["quality"] is not None])),
        ("fields", ", ".join(sorted({name for row in rows for name in row["fields"]})) or "none"),
        ("source", ", ".join(sorted({row["source"] for row in rows if row["source"]})) or "not stated"),
        ("licences", ", ".join(document.get("licences", [])) or "not stated"),
        ("size on disk", f"{size / 2**20:,.1f} MiB in {len(document['shards'])} shards"),
        ("version", str(document["version"])),
        ("content hash", store.content_hash),
    ]
    if isinstance(about, dict) and about.get("command"):
        lines.append(("made by", str(about["command"])))
    return TextTable("Store", ("what", "value"), tuple(lines), names=2)
