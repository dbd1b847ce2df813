"""The ladder's report: each step beside what real data gave and the aim, what was measured by condition, one figure, raw rows."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gaitbridge.data.protocols import load_protocol
from gaitbridge.evaluation.comparing import ladder
from gaitbridge.evaluation.comparing.ladder import Asked, LadderRow, Values
from gaitbridge.evaluation.results import ResultRow
from gaitbridge.evaluation.row_files import read_row_file
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.report.figure_files import write_png
from gaitbridge.report.study import ArmRuns, StudyRow, number_of, of_views, rows_of, training_of, write_csv, write_paragraphs
from gaitbridge.report.tables import TextTable
from gaitbridge.run_documents import read_seen
from gaitbridge.store import Store

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Looks = Mapping[tuple[str, int, float], Path]  # by arm, seed and share of the steps: the folder of that evaluation
CONDITIONS = ("all", "normal", "bag", "clothing", "carrying", "umbrella", "uniform", "occlusion", "night")
NOTE = (
    "Identity losses alone (cross-entropy, triplets), rank-1 at other views under the store's own protocol, at the last step. Measured: the mean "
    "over seeds with a 95 % bootstrap interval over people, in round brackets each seed. Ratios are rank-1 under a condition over rank-1 of normal "
    "walks in the same direction. Triplets are counted part by part in batches of training people, as training draws them. Real: SUSTech1K, of "
    "published logs and tables (`gaitbridge.evaluation.comparing.ladder` says which). Simulated people: synthetic results."
)


def write_ladder(name: str, about: str, arms: Sequence[ArmRuns], looks: Looks, store: Store, protocol: str, command: str, out: Path,
                 unfinished: int = 0, progress: Progress = silent) -> TextTable:
    """`name.md`, `name.png`, `name.csv` (each number of each run) and `name-checks.csv` (the steps) in the folder `out`, each whole or not at all;
    returns the table of the steps."""
    hits = collected(arms, looks, store, protocol, progress)
    seen = {seed: found for arm in arms for seed, run, _ in arm.runs if (found := read_seen(run)) is not None}
    checks = ladder.ladder_rows(hits, seen)
    table = checks_table(about, checks)
    raw = [row for arm in arms for row in rows_of(arm)] + [row for arm in arms for row in look_rows(arm, looks)]
    write_csv(raw, out / f"{name}.csv")
    write_csv(checks, out / f"{name}-checks.csv")
    draw_ladder(about, checks, out / f"{name}.png")
    everyone = together(hits)
    runs = {seed for arm in arms for seed, _, _ in arm.runs}
    missed = sum(row.met is False for row in checks)
    known = sum(row.met is not None for row in checks)
    facts = [f"`{command}`", f"Data: content `{store.content_hash}`, protocol `{protocol}`. Seeds: {', '.join(map(str, sorted(runs)))}. "
             f"Commit: {_each(row.commit for row in raw)}. Hardware: {_each(row.hardware for row in raw)}."]
    if unfinished:
        facts.append(f"**{unfinished} runs are not finished and are missing here.**")
    verdict = f"{about}. **{known - missed} of {known} steps are within the aim.**"
    parts = [f"# The ladder: {name.removeprefix('ladder-')}", verdict, table.to_markdown(),
             "Rank-1 by condition in %, one network, in brackets what real data gave:", directions_table(everyone).to_markdown(),
             "One encoder each, likewise:", alone_table(everyone).to_markdown(), NOTE, *facts, f"![{about}]({name}.png)",
             f"Raw rows: [{name}.csv]({name}.csv), [{name}-checks.csv]({name}-checks.csv)."]
    write_paragraphs(parts, out / f"{name}.md")
    return table


def collected(arms: Sequence[ArmRuns], looks: Looks, store: Store, protocol: str, progress: Progress = silent) -> dict[int, dict[Asked, np.ndarray]]:
    """By seed and by what is asked the hits of each person: of the runs' ends and of the looks before them."""
    rule = load_protocol(protocol)
    probes, mates = rule.choose(store.rows)
    people = sorted({str(store.rows[number]["person"]) for number in (*probes, *mates)})
    folders = [(arm.name, seed, ladder.END, folder) for arm in arms for seed, _, folder in arm.runs]
    folders += [(*key, folder) for key, folder in looks.items()]
    found: dict[int, dict[Asked, np.ndarray]] = {}
    for number, (arm, seed, look, folder) in enumerate(folders):
        progress(number, len(folders), f"{arm}, seed {seed}")
        own = ladder.hits_of(folder, store, rule, people)
        found.setdefault(seed, {}).update({Asked(arm, pair, condition, look): hits for (pair, condition), hits in own.items()})
    progress(len(folders), len(folders), "")
    return found


def together(hits: Mapping[int, Mapping[Asked, np.ndarray]]) -> Values:
    """Hits of all seeds in one."""
    asked = {key for own in hits.values() for key in own}
    return Values({key: np.sum([own[key] for own in hits.values() if key in own], axis=0) for key in asked})


def look_rows(arm: ArmRuns, looks: Looks) -> list[StudyRow]:
    """Rank-1 of an arm's runs at earlier steps, all conditions."""
    found = []
    for seed, run, _ in arm.runs:
        for (name, of_seed, share), folder in looks.items():
            if (name, of_seed) == (arm.name, seed):
                rows = [row for row in read_row_file(folder / "results.json", ResultRow, "run the study")
                        if of_views(row) and row.metric == "rank-1" and row.condition == "all"]
                for row in rows:
                    given = number_of(row)
                    given["metric"] += f", after {share:.0%} of the steps"
                    found.append(StudyRow(arm=arm.name, seed=seed, **given, **training_of(run)))
    return found


def checks_table(title: str, checks: Sequence[LadderRow]) -> TextTable:
    """A step a line: real, aim, measured, met or by how much not."""
    lines = []
    for row in checks:
        digits = 2 if row.unit == "ratio" or (row.unit == "%" and (row.value or 0) < 10) else 1
        lines.append((row.group, row.name, row.unit, "far below" if row.real is None else _signed(row.real, row.unit, digits), _aim(row, digits),
                      _measured(row, digits), _verdict(row, digits)))
    return TextTable(title, ("ladder", "step", "in", "real", "aim", "measured", "verdict"), tuple(lines), names=3)


def _signed(value: float, unit: str, digits: int) -> str:
    return f"{value:+.{digits}f}" if unit == "points" else f"{value:.{digits}f}"


def _aim(row: LadderRow, digits: int) -> str:
    if row.aim_low is None or row.aim_high is None:
        side, limit = ("below", row.aim_high) if row.aim_low is None else ("above", row.aim_low)
        return f"{side} {_signed(limit or 0.0, row.unit, digits)}"
    return f"{_signed(row.aim_low, row.unit, digits)} to {_signed(row.aim_high, row.unit, digits)}"


def _measured(row: LadderRow, digits: int) -> str:
    if row.value is None:
        return "–"
    said = _signed(row.value, row.unit, digits)
    if row.low is not None and row.high is not None:
        said += f" [{_signed(row.low, row.unit, digits)}, {_signed(row.high, row.unit, digits)}]"
    if len(row.seeds) > 1:
        said += f" ({', '.join(_signed(one, row.unit, digits) for one in row.seeds)})"
    return said


def _verdict(row: LadderRow, digits: int) -> str:
    if row.met is None or row.off is None:
        return "not measured"
    return "met" if row.met else f"missed by {row.off:.{digits}f}"


def directions_table(values: Values) -> TextTable:
    """Rank-1 of the one network by direction and condition, real data's in brackets."""
    lines = tuple((name, *(_beside(values, Asked(ladder.ONE, pair, condition), ladder.REAL[pair][condition]) for condition in CONDITIONS))
                  for pair, name in ladder.NAMES.items())
    return TextTable("By condition", ("direction", *CONDITIONS), lines)


def alone_table(values: Values) -> TextTable:
    """Rank-1 of the encoders of one input each, by condition, real data's in brackets."""
    directions = {ladder.CAMERA_OUTLINE: ladder.CC, ladder.LIDAR_OUTLINE: ladder.LL, ladder.LIDAR_DEPTH: ladder.LL}
    lines = tuple((arm, *(_beside(values, Asked(arm, pair, condition), ladder.REAL_ALONE[arm] if condition == "all" else None)
                          for condition in CONDITIONS)) for arm, pair in directions.items())
    return TextTable("One encoder each", ("encoder", *CONDITIONS), lines)


def _beside(values: Values, asked: Asked, real: float | None) -> str:
    known = "" if real is None else f" ({real:.1f})"
    return (f"{values.rank1(asked)[0]:.1f}" if asked in values.hits else "–") + known


def _each(words: object) -> str:
    return ", ".join(sorted({str(word) for word in words if word})) or "unknown"  # type: ignore[attr-defined]


def draw_ladder(title: str, checks: Sequence[LadderRow], out: Path) -> None:
    """A panel a unit: the aim as a band, what real data gave as a diamond, what was measured as a dot with its interval over people."""
    from matplotlib.figure import Figure

    panels = {unit: [row for row in checks if row.unit == unit] for unit in ("points", "ratio")}
    most = max(len(rows) for rows in panels.values())
    figure = Figure(figsize=(12, 1.6 + 0.24 * most), layout="constrained", dpi=150)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (unit, rows) in zip(axes, panels.items(), strict=True):
        for place, row in enumerate(rows):
            _draw_row(axis, place, row)
        axis.set_yticks(range(len(rows)), ["\n".join(textwrap.wrap(f"{row.group}: {row.name}" if unit == "ratio" else row.name, 60)) for row in rows])
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.axvline(1.0 if unit == "ratio" else 0.0, color="#9ca3af", linewidth=0.8)
        axis.set_xlabel("rank-1 over that of normal walks" if unit == "ratio" else "points of rank-1", fontsize=8)
        axis.tick_params(labelsize=6.5)
        axis.grid(axis="x", color="#e5e7eb")
        axis.set_axisbelow(True)
    figure.suptitle(textwrap.fill(f"{title}. Band: aim; diamond: real; dot: measured, with its interval over people", 140), fontsize=9)
    with written_whole(out) as temporary:
        write_png(figure, temporary)


def _draw_row(axis: Axes, place: int, row: LadderRow) -> None:
    ends = [value for value in (row.aim_low, row.aim_high, row.value, row.low, row.high, row.real) if value is not None]
    low = row.aim_low if row.aim_low is not None else min(ends) - 5.0
    high = row.aim_high if row.aim_high is not None else max(ends) + 5.0
    axis.barh(place, high - low, left=low, height=0.7, color="#dbeafe")
    if row.real is not None:
        axis.plot([row.real], [place], "D", color="#111827", markersize=4)
    if row.value is not None:
        colour = "#16a34a" if row.met else "#dc2626"
        axis.plot([row.value], [place], "o", color=colour, markersize=5)
        if row.low is not None and row.high is not None:
            axis.plot([row.low, row.high], [place, place], color=colour, linewidth=1.5)
