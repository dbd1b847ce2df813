"""A study's results: raw rows to CSV, one table in Markdown, one figure. Reads evaluated runs; trains nothing."""

from __future__ import annotations

import csv
import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from gaitbridge.evaluation.bodies.reconstruction import NETWORK, ReconstructionRow
from gaitbridge.evaluation.comparing.costs import CostRow
from gaitbridge.evaluation.comparing.paired import PairedRow, compare_runs
from gaitbridge.evaluation.results import DIRECTIONS, ResultRow
from gaitbridge.evaluation.row_files import read_row_file
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.study_columns import COSTS, GAP_NOTE, GAPS, cost_cells, cost_note, gap_cells, gaps_of
from gaitbridge.report.tables import SENSOR_NAME, TextTable
from gaitbridge.run_documents import read_provenance
from gaitbridge.store import Store

METRICS = ("rank-1", "rank-5", "mAP", "mINP")
VIEWS = {"excluded": "other views", "identical": "same view"}
MAIN = "rank-1, other views"
BODIES = ("MPJPE", "PA-MPJPE", "vertex error")


@dataclass(frozen=True)
class StudyRow:
    """One number of one run. value, low, high: in %, or mm of bodies, the interval over people; n: probes, or frames; minutes: of training."""

    arm: str
    seed: int
    probe: str
    gallery: str
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    commit: str
    hardware: str
    minutes: float


@dataclass(frozen=True)
class ArmRuns:
    """The runs of an arm by seed: (seed, run folder, evaluation folder). against: the arm that it is compared with, or empty."""

    name: str
    about: str
    against: str
    runs: tuple[tuple[int, Path, Path], ...]


def rows_of(arm: ArmRuns) -> list[StudyRow]:
    """All numbers of an arm: rank-1, rank-5, mAP, mINP over all conditions, rank-1 by condition, the errors of recovered bodies where there are."""
    found = []
    for seed, run, evaluation in arm.runs:
        made: dict[str, Any] = {"arm": arm.name, "seed": seed, **training_of(run)}
        for row in read_row_file(evaluation / "results.json", ResultRow, "run the study"):
            if of_views(row) and (row.metric in METRICS if row.condition == "all" else row.metric == "rank-1"):
                found.append(StudyRow(**number_of(row), **made))
        if (evaluation / "reconstruction.json").is_file():
            for body in read_row_file(evaluation / "reconstruction.json", ReconstructionRow, "run the study"):
                if (body.source, body.mirroring, body.view, body.condition) == (NETWORK, "none", "all", "all") and body.metric in BODIES:
                    found.append(StudyRow(probe="camera", gallery="", metric=body.metric, value=body.value, low=body.low, high=body.high,
                                          n=body.frames, **made))
    return found


def of_views(row: ResultRow) -> bool:
    """Whether a number is of all probes at once, at other views or at the same one."""
    return row.probe_view is None and row.views in VIEWS


def number_of(row: ResultRow) -> dict[str, Any]:
    """The fields of a StudyRow or RobustnessRow that a result gives."""
    metric = f"{row.metric}, {VIEWS[row.views]}" + (f", {row.condition}" if row.condition != "all" else "")
    return {"probe": row.probe_modality, "gallery": row.gallery_modality, "metric": metric, "value": row.value, "low": row.low, "high": row.high,
            "n": row.probes}


def training_of(run: Path) -> dict[str, Any]:
    """The fields of a StudyRow or RobustnessRow that the training of a run gives."""
    about = read_provenance(run)
    return {"commit": str(about.get("commit") or ""), "hardware": hardware_of(about), "minutes": round(float(about.get("seconds", 0.0)) / 60, 1)}


def hardware_of(provenance: Mapping[str, Any]) -> str:
    """The machine of a run in words."""
    machine = provenance.get("hardware") or {}
    return str(machine.get("gpu") or f"{machine.get('cpu', 'unknown')}, {machine.get('cores', '?')} cores, one thread a run")


def differences(arms: Sequence[ArmRuns], store: Store, protocol: str, progress: Progress = silent) -> dict[str, list[PairedRow]]:
    """By arm: its runs against those of the arm it is held against, the seeds that both have, on the same probes, other views, all conditions."""
    by_name, found = {arm.name: arm for arm in arms}, {}
    compared = [arm for arm in arms if arm.against in by_name]
    for number, arm in enumerate(compared):
        seeds = {seed for seed, _, _ in arm.runs} & {seed for seed, _, _ in by_name[arm.against].runs}
        sides = [[folder for seed, _, folder in side.runs if seed in seeds] for side in (by_name[arm.against], arm)]
        if seeds:
            rows = compare_runs(sides[0], sides[1], store, protocol)
            found[arm.name] = [row for row in rows if row.metric == "rank-1" and row.views == "excluded" and row.condition == "all"]
        progress(number + 1, len(compared), arm.name)
    return found


def directions_in(rows: Iterable[StudyRow]) -> list[tuple[str, str]]:
    """The (probe, gallery) pairs that have a rank-1, across sensors first."""
    pairs = {(row.probe, row.gallery) for row in rows if row.metric == MAIN}
    return [pair for pair in DIRECTIONS if pair in pairs]


def spread(values: Sequence[float]) -> str:
    """`53.2 ± 0.6`: mean and standard deviation over seeds; without the latter for one seed."""
    if not values:
        return "–"
    mean = f"{statistics.fmean(values):.1f}"
    return f"{mean} ± {statistics.stdev(values):.1f}" if len(values) > 1 else mean


def values_of(rows: Iterable[StudyRow], arm: str, metric: str, pair: tuple[str, str]) -> list[float]:
    """One number of an arm, seed by seed."""
    return [row.value for row in rows if (row.arm, row.metric, row.probe, row.gallery) == (arm, metric, *pair) and row.value is not None]


def study_table(title: str, arms: Sequence[ArmRuns], rows: Sequence[StudyRow], paired: Mapping[str, Sequence[PairedRow]],
                costs: Mapping[str, CostRow] | None = None) -> TextTable:
    """An arm a line: rank-1 by direction, the difference to its reference, errors of bodies, minutes, and where they were measured gaps and costs."""
    pairs, lines = directions_in(rows), []
    bodies = [name for name in BODIES if any(row.metric == name for row in rows)]
    gaps = {arm.name: gaps_of(folder for _, _, folder in arm.runs) for arm in arms}
    shown = any(gaps.values())
    for arm in arms:
        cells = [arm.name, arm.about]
        for pair in pairs:
            cells += [spread(values_of(rows, arm.name, MAIN, pair)), _difference(paired.get(arm.name, ()), pair)]
        cells += [spread(values_of(rows, arm.name, name, ("camera", ""))) for name in bodies]
        minutes = {row.seed: row.minutes for row in rows if row.arm == arm.name}
        lines.append((*cells, str(len(minutes)), f"{statistics.fmean(minutes.values()):.0f}" if minutes else "–",
                      *(gap_cells(gaps[arm.name]) if shown else ()), *(cost_cells(costs.get(arm.name)) if costs else ())))
    header = ["arm", "what it is"]
    for probe, gallery in pairs:
        header += [f"probe {SENSOR_NAME[probe]}, gallery {SENSOR_NAME[gallery]}", "difference"]
    header += [f"{name}, mm" for name in bodies] + ["seeds", "minutes a run", *(GAPS.values() if shown else ()), *(COSTS if costs else ())]
    return TextTable(title, tuple(header), tuple(lines), names=2)


def _difference(rows: Sequence[PairedRow], pair: tuple[str, str]) -> str:
    for row in rows:
        if (row.probe_modality, row.gallery_modality) == pair and row.difference is not None:
            interval = "" if row.low is None or row.high is None else f" [{row.low:+.1f}, {row.high:+.1f}]"
            return f"{row.difference:+.1f}{interval}"
    return ""


NOTE = (
    "Rank-1 in %, other views, all conditions; mean ± standard deviation over seeds. Differences to the arm's reference (named below) in percentage "
    "points, of the seeds that both have, on the same probes, with a 95 % bootstrap interval over people. The interval does not contain what other "
    "seeds would change; the standard deviation does. Simulated people: synthetic results."
)


def write_study(name: str, about: str, arms: Sequence[ArmRuns], store: Store, protocol: str, command: str, out: Path, unfinished: int = 0,
                progress: Progress = silent, costs: Mapping[str, CostRow] | None = None) -> TextTable:
    """`name.csv`, `name.md` and `name.png` in the folder `out`, with costs `name-costs.csv` as well, each whole or not at all; returns the table."""
    rows = [row for arm in arms for row in rows_of(arm)]
    paired = differences(arms, store, protocol, progress)
    table = study_table(about, arms, rows, paired, costs)
    write_csv(rows, out / f"{name}.csv")
    draw_study(about, arms, rows, paired, out / f"{name}.png")
    names = {arm.name for arm in arms}
    held = "; ".join(f"{arm.name} against {arm.against}" for arm in arms if arm.against in names) or "none"
    seeds = sorted({row.seed for row in rows})
    facts = [f"`{command}`", f"Data: content `{store.content_hash}`, protocol `{protocol}`. Seeds: {', '.join(map(str, seeds)) or 'none'}. "
             f"Commit: {_each(row.commit for row in rows)}. Hardware: {_each(row.hardware for row in rows)}.", f"Compared: {held}."]
    if GAPS["recovered"] in table.header:
        facts.append(GAP_NOTE)
    if costs:
        write_csv(list(costs.values()), out / f"{name}-costs.csv")
        facts.append(cost_note(list(costs.values())))
    if unfinished:
        facts.append(f"**{unfinished} runs are not finished and are missing here.**")
    parts = [f"# Study: {name}", f"{about}.", table.to_markdown(), NOTE, *facts, f"![{about}]({name}.png)", f"Raw rows: [{name}.csv]({name}.csv)."]
    write_paragraphs(parts, out / f"{name}.md")
    return table


def _each(words: Iterable[str]) -> str:
    return ", ".join(sorted({word for word in words if word})) or "unknown"


def write_paragraphs(parts: Sequence[str], out: Path) -> None:
    """A Markdown file, whole or not at all."""
    with written_whole(out) as temporary:
        temporary.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_csv(rows: Sequence[Any], out: Path) -> None:
    """Rows of one dataclass, whole or not at all."""
    names = [field.name for field in fields(rows[0])] if rows else [field.name for field in fields(StudyRow)]
    with written_whole(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def draw_study(title: str, arms: Sequence[ArmRuns], rows: Sequence[StudyRow], paired: Mapping[str, Sequence[PairedRow]], out: Path) -> None:
    """A panel a direction, and one for each error of recovered bodies: each seed as a dot and the mean as a line; the interval of rank-1 is that of
    the difference, laid about the arm's mean."""
    from matplotlib.figure import Figure

    panels = [(MAIN, pair) for pair in directions_in(rows) or [("camera", "camera")]]
    panels += [(name, ("camera", "")) for name in BODIES if any(row.metric == name for row in rows)]
    figure = Figure(figsize=(1.8 + 3.0 * len(panels), 1.4 + 0.34 * len(arms)), layout="constrained", dpi=150)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (metric, pair) in zip(axes, panels, strict=True):
        for place, arm in enumerate(arms):
            values = values_of(rows, arm.name, metric, pair)
            if not values:
                continue
            mean, colour = statistics.fmean(values), "#2563eb" if arm.against else "#111827"
            axis.plot(values, [place] * len(values), "o", color=colour, markersize=4, alpha=0.6)
            axis.plot([mean, mean], [place - 0.28, place + 0.28], color=colour, linewidth=2)
            for row in paired.get(arm.name, ()) if metric == MAIN else ():
                known = None not in (row.a, row.low, row.high)
                if (row.probe_modality, row.gallery_modality) == pair and known and row.a is not None:
                    low, high = row.a + (row.low or 0.0), row.a + (row.high or 0.0)
                    axis.plot([low, high], [place, place], color=colour, linewidth=1)
        axis.set_title(f"probe {SENSOR_NAME[pair[0]]},\ngallery {SENSOR_NAME[pair[1]]}" if metric == MAIN else f"bodies,\n{metric}", fontsize=8)
        axis.set_xlabel(f"{MAIN}, %" if metric == MAIN else "mm, less is better", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(axis="x", color="#e5e7eb")
        axis.set_axisbelow(True)
    axes[0].set_yticks(range(len(arms)), [arm.name for arm in arms])
    axes[0].set_ylim(len(arms) - 0.5, -0.5)
    figure.suptitle(textwrap.fill(title, int(13 * figure.get_figwidth())), fontsize=9)
    with written_whole(out) as temporary:
        write_png(figure, temporary)


