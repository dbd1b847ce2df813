"""The sections of the report, in reading order: each takes what was read and returns HTML; what is missing is said in a line."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_any
from gaitbridge.evaluation.results import ResultRow, find_row
from gaitbridge.evaluation.scoring.measures import CAMERAS
from gaitbridge.report import plots
from gaitbridge.report.bodies import bodies_png
from gaitbridge.report.cards import walk_card
from gaitbridge.report.files import RunFiles
from gaitbridge.report.hero import hero_sequence
from gaitbridge.report.html_parts import missing, plot
from gaitbridge.report.moving_files import webp_bytes
from gaitbridge.report.people_map import people_map
from gaitbridge.report.people_map_plots import map_figure, map_note
from gaitbridge.report.pictures import data_uri, pick_frames, png_bytes, seen_from, skeleton_png, strip, thumbnail
from gaitbridge.report.reconstruction_tables import reconstruction_section
from gaitbridge.report.result_tables import condition_table, conditions_of, directions_of, main_table, open_set_tables
from gaitbridge.report.tables import SENSOR_NAME
from gaitbridge.report.walk3d import walk3d_figure
from gaitbridge.report.wording import INTERVALS, OPEN_SET_NOTE, from_view, note, protocol_of
from gaitbridge.store import Store

MODALITY = {"camera": "silhouettes", "lidar": "range_views"}
EXAMPLES_SHOWN = 4  # of each direction


@dataclass(frozen=True)
class Section:
    """One section: its anchor, its heading, what makes its HTML, and whether it is about the run's method at all."""

    anchor: str
    heading: str
    make: Callable[[RunFiles, Store | None], str]
    applies: Callable[[RunFiles], bool] = lambda run: True


def is_synthetic(run: RunFiles, store: Store | None) -> bool:
    """Whether the sequences behind these results were simulated, as the store says; without one, as the protocol says."""
    if store is not None:
        sources = {str(row["source"]).lower() for row in store.rows}
        return any("simul" in source or "synth" in source for source in sources) or "simul" in json.dumps(store.document.get("about", {})).lower()
    return any(row.protocol.startswith("simulated") for row in run.rows)


def headline(run: RunFiles, store: Store | None) -> str:
    """What was found, in a sentence, and the two numbers large."""
    badge = '<p><span class="badge">Synthetic: these walkers are simulated</span></p>' if is_synthetic(run, store) else ""
    for views in ("excluded", "identical"):  # a store of one view has only the second
        found = [find_row(run.rows, "rank-1", *pair, views, head) for pair in shown_directions(run) for head in protocol_of(run.rows).heads]
        known = [row for row in found if row is not None and row.value is not None]
        if known:
            break
    if not known:
        return badge + missing("This run has no results yet: evaluate it to fill this page.")
    sentences = [_sentence(row, first=number == 0) for number, row in enumerate(known)]
    cards = "".join(_card(run, row) for row in known)
    people = "simulated walkers" if badge else "people"
    row = known[0]
    about = f"{row.people} {people} among the probes, protocol <code>{html.escape(row.protocol)}</code>, seed {row.seed}."
    words = f"{about} {html.escape(note(run.rows))}"
    return f'{badge}<p class="lead">{" ".join(sentences)}</p><div class="cards">{cards}</div><p class="soft">{words}</p>'


def shown_directions(run: RunFiles) -> list[tuple[str, str]]:
    """The directions across sensors, or, for a network of one sensor, the one within it."""
    found = directions_of(run.rows)
    return [pair for pair in found if pair[0] != pair[1]] or found


def _sentence(row: ResultRow, first: bool) -> str:
    probe, gallery, protocol = SENSOR_NAME[row.probe_modality], SENSOR_NAME[row.gallery_modality], protocol_of([row])
    interval = "" if row.low is None else f" (95 % interval {row.low:.1f} to {row.high:.1f})"
    value, chance = f"<b>{row.value:.1f} %</b>", "" if row.chance is None else f", where chance gives {row.chance:.1f} %"
    part = "" if row.condition == "all" else f" ({html.escape(row.condition)})"
    how = "" if protocol.layout == "pooled" else f", as the {protocol.score_in_words()}"
    if first:
        return (
            f"Given a walk seen by the {probe}, the nearest {gallery} walk{from_view(protocol, row.views)} is the same person's "
            f"in {value} of cases{part}{how}{interval}{chance}."
        )
    return f"From {probe} to {gallery}{part} it is {value}{interval}{chance}."


def _card(run: RunFiles, row: ResultRow) -> str:
    protocol = protocol_of(run.rows)
    same = find_row(run.rows, "rank-1", row.probe_modality, row.gallery_modality, "identical", row.condition)
    at_same = "" if same is None or same.value is None or same is row else f"; {same.value:.1f} % from the same view angle"
    chance = "" if row.chance is None else f"chance {row.chance:.1f} %"
    interval = "" if row.low is None else f" <small>[{row.low:.1f}, {row.high:.1f}]</small>"
    part = "" if row.condition == "all" else f"{html.escape(row.condition)}: "
    name = part + plots.direction_name(row.probe_modality, row.gallery_modality)
    cameras = find_row(run.rows, CAMERAS, row.probe_modality, row.gallery_modality, row.views, row.condition)
    by_cameras = "" if cameras is None or cameras.value is None else f"; by pairs of cameras {cameras.value:.1f} %"
    under = f"rank-1{from_view(protocol, row.views)}; {chance}{at_same}{by_cameras}"
    value = f'<div class="value">{row.value:.1f} %{interval}</div>'
    return f'<div class="card"><div class="label">{name}</div>{value}<div class="soft">{under}</div></div>'


def walkers(run: RunFiles, store: Store | None) -> str:
    """One walker as both sensors see it from each view, and the 3D joints."""
    if store is None:
        return missing("No store was given, so there are no pictures: name it when writing the report.")
    try:
        shown = store.rows[hero_sequence(store, one_will_do=True)]
    except UserError as error:
        return missing(str(error))
    same_walk = [number for number, row in enumerate(store.rows) if all(row[name] == shown[name] for name in ("person", "condition", "take"))]
    modalities = [name for name in ("silhouettes", "range_views") if shown[f"{name}_frames"]]
    same_walk = [number for number in same_walk if all(store.rows[number][f"{name}_frames"] for name in modalities)]
    cards = "".join(_walker(store, number, modalities) for number in sorted(same_walk, key=lambda number: store.rows[number]["view"])[:8])
    kind = "simulated walker" if is_synthetic(run, store) else "person"
    seen = {"silhouettes": "as the camera's silhouette",
            "range_views": "as the LiDAR's range view (near is warm, far is cold, each frame on its own scale)"}
    where = ("above ", ", below ") if len(modalities) > 1 else ("", "")
    name = html.escape(", ".join(word for word in (shown["person"], shown["condition"]) if word))
    what = (
        f"One walk of one {kind} ({name}), from each view at the same moments: "
        f"{''.join(place + seen[name] for place, name in zip(where, modalities, strict=False))}. "
        "View 0 walks towards the sensor; a blank frame is one that the sensor lost."
    )
    return f'{_in_motion(store, store.row_of_key[shown["key"]])}<p>{what}</p><div class="walkers">{cards}</div>{_skeleton(store, same_walk[0])}'


def _in_motion(store: Store, number: int) -> str:
    """The walk that is shown first, in motion."""
    frames, hz = walk_card(store, number, scale=5, most=40)
    row = store.rows[number]
    about = f"{row['key']} in motion, {seen_from(row)}"
    image = f'<img src="{data_uri(webp_bytes(frames, hz), "webp")}" width="{frames[0].shape[1]}" alt="{html.escape(about)}">'
    return f'<figure class="moving">{image}<figcaption>{html.escape(about)}</figcaption></figure>'


def _walker(store: Store, number: int, modalities: Sequence[str]) -> str:
    row, frames = store.rows[number], pick_frames(store, number, 4)
    images = "".join(_image(strip(store, number, name, frames[name]), f"{name} of {row['key']}") for name in modalities)
    return f"<figure>{images}<figcaption>{html.escape(seen_from(row))}</figcaption></figure>"


def _skeleton(store: Store, number: int) -> str:
    drawn = skeleton_png(store, number)
    if drawn is None:
        return missing("This store has no 3D joints.")
    count = store.read(number, ["joints"]).arrays["joints"].shape[1]
    image = f'<img src="{data_uri(drawn)}" alt="3D joints of {html.escape(store.rows[number]["key"])}">'
    note = f"{count} joints at several moments, from light to dark, set apart"
    return f'<h3>Its 3D joints</h3><figure class="skeleton">{image}<figcaption>{note}</figcaption></figure>'


def _image(image: Any, description: str, scale: int = 1) -> str:
    return f'<img src="{data_uri(png_bytes(image, scale))}" alt="{html.escape(description)}">'


def results(run: RunFiles, store: Store | None) -> str:
    """The main table."""
    if not run.rows:
        return missing("This run has not been evaluated.")
    words = f"{html.escape(note(run.rows))} Each row of numbers is also in <code>evaluation/results.csv</code>."
    return f"{main_table(run.rows).to_html()}<p class='soft'>{words}</p>"


def conditions(run: RunFiles, store: Store | None) -> str:
    """Rank-1 by condition, in the modes of views that have a number."""
    if not run.rows:
        return missing("This run has not been evaluated.")
    modes = [mode for mode in ("excluded", "identical") if any(row.views == mode and row.value is not None for row in run.rows)]
    tables = [condition_table(run.rows, mode) for mode in modes]
    return "".join(f"<h3>{html.escape(table.title)}</h3>{table.to_html()}" for table in tables)


def open_set(run: RunFiles, store: Store | None) -> str:
    """How often searches by somebody enrolled fail at stated rates of strangers named."""
    return "".join(table.to_html() for table in open_set_tables(run.rows)) + f"<p class='soft'>{html.escape(f'{INTERVALS} {OPEN_SET_NOTE}')}</p>"


def has_open_set(run: RunFiles) -> bool:
    """Whether it was evaluated with open-set identification."""
    return any(row.is_open_set for row in run.rows)


def cmc(run: RunFiles, store: Store | None) -> str:
    """Cumulative match curves."""
    if run.cmc is None:
        return missing("No evaluation/cmc.json in this run.")
    protocol = protocol_of(run.rows)
    known = {one["views"] for one in run.cmc["curves"] if one["values"] and one["values"][0] is not None}
    views = next((mode for mode in ("excluded", "identical") if mode in known), "excluded")
    seen, how = from_view(protocol, views), "" if protocol.layout == "pooled" else f"; {protocol.score_in_words()}"
    text = f"The share of probes whose person is among the first walks of the gallery{f', all{seen}' if seen else ''}{how}."
    return f"<p>{text}</p>{plot(plots.cmc_figure(run.cmc, views))}"


def view_pairs(run: RunFiles, store: Store | None) -> str:
    """The heat maps, for each part that stands for the whole."""
    shown = shown_directions(run)
    cells = [row for row in run.rows if row.probe_view and (row.probe_modality, row.gallery_modality) in shown]
    if not cells:
        return missing("No results by view pair in this run.")
    what = "camera" if protocol_of(run.rows).cells_by else "view"
    parts = [f"<p>Rank-1 with the gallery limited to one {what}. On the diagonal probe and gallery are seen from the same {what}.</p>"]
    for condition in dict.fromkeys(row.condition for row in cells):
        head = "" if condition == "all" else f"<h3>{html.escape(condition)}</h3>"
        parts.append(head + plot(plots.view_pair_figure([row for row in cells if row.condition == condition], shown, what)))
    return "".join(parts)


def training(run: RunFiles, store: Store | None) -> str:
    """Losses and validation."""
    if not run.training and not run.validation:
        return missing("No log.jsonl in this run.")
    parts = []
    if run.training:
        parts.append(f"<div><h3>Losses</h3>{plot(plots.loss_figure(run.training))}</div>")
    parts.append(
        f"<div><h3>Validation</h3>{plot(plots.validation_figure(run.validation)) if run.validation else missing('No validation was logged.')}</div>"
    )
    last = run.training[-1] if run.training else {}
    facts = [
        f"{last['step']:,} steps" if "step" in last else "",
        _fact(last, "seconds", "{:,.0f} s"),
        _fact(last, "sequences_per_s", "{:,.0f} sequences/s"),
    ]
    return f'<p class="soft">{", ".join(fact for fact in facts if fact)}</p><div class="plots">{"".join(parts)}</div>'


def _fact(line: Mapping[str, Any], name: str, form: str) -> str:
    return form.format(line[name]) if isinstance(line.get(name), int | float) else ""


def retrieval(run: RunFiles, store: Store | None) -> str:
    """For a few probes the five nearest of the other sensor."""
    if run.retrieval is None:
        return missing("No evaluation/retrieval.json in this run.")
    words = html.escape(run.retrieval.get("note", ""))
    examples_of = dict.fromkeys((example["probe_modality"], example["gallery_modality"]) for example in run.retrieval["examples"])
    whose = "the other sensor" if all(probe != gallery for probe, gallery in examples_of) else "the same sensor"
    protocol = protocol_of(run.rows)
    compared = "from other view angles" if protocol.identical == ("view",) else f"left out: {protocol.exclusion_in_words()}"
    parts = [f"<p>The probe on the left and the five nearest walks of {whose}, {html.escape(compared)}. {words}.</p>"]
    for pair in examples_of:
        examples = [example for example in run.retrieval["examples"] if (example["probe_modality"], example["gallery_modality"]) == pair]
        half = EXAMPLES_SHOWN // 2
        chosen = [*[one for one in examples if one["correct"]][:half], *[one for one in examples if not one["correct"]][:half]]
        if chosen:
            parts.append(f"<h3>{plots.direction_name(*pair)}</h3>" + "".join(_example(example, store) for example in chosen))
    return "".join(parts)


def _example(example: Mapping[str, Any], store: Store | None) -> str:
    probe = example["probe"]
    cells = [_hit(probe, MODALITY[example["probe_modality"]], store, "probe", "who is this?", "")]
    for rank, found in enumerate(example["nearest"], start=1):
        kind, mark = ("right", "✓") if found["correct"] else ("wrong", "✗")
        cells.append(_hit(found, MODALITY[example["gallery_modality"]], store, kind, f"{rank} {mark}", f"distance {found['distance']:.3f}"))
    return f'<div class="row">{"".join(cells)}</div>'


def _hit(entry: Mapping[str, Any], modality: str, store: Store | None, kind: str, mark: str, more: str) -> str:
    number = None if store is None else store.row_of_key.get(entry["key"])
    image = "" if store is None or number is None else _image(thumbnail(store, number, modality), f"{modality} of {entry['key']}")
    words = [f"<b>{mark}</b>", html.escape(str(entry["person"])), html.escape(f"{entry['condition']}, view {entry['view']}"), more]
    return f'<div class="hit {kind}">{image}{"<br>".join(word for word in words if word)}</div>'


def people(run: RunFiles, store: Store | None) -> str:
    """The map of the people by their embeddings."""
    if not run.embeddings:
        return missing("This run has no embeddings to make a map of: evaluate it.")
    files = [read_any(file) for file in run.embeddings]
    try:
        drawn = people_map(files)
    except UserError as error:
        return missing(str(error))
    text = (
        f"Each point is a walk: {html.escape(map_note(drawn))}. Points are near where the network's embeddings are (t-SNE of the distances that "
        "results are counted by). Who stands beside whom means something; how large a group is, and how far groups are apart, do not. "
        f"The nearest walk is the same person's for {100 * drawn.nearest:.0f} % of these points by the embeddings, and for "
        f"{100 * drawn.on_map:.0f} % on the map. A person's other views count, so this is no recognition rate."
    )
    how = "Touch a point to read what it is. Drag a box to enlarge it, double-click to go back. Double-click a person in the list to see them alone."
    return f"<p>{text}</p>{plot(map_figure(drawn))}<p class='soft'>{how}</p>"


def trajectory(run: RunFiles, store: Store | None) -> str:
    """The gap between the sensors along the diffusion trajectory."""
    if run.trajectory is None:
        return missing("No evaluation/trajectory.json in this run: the method has no diffusion, or it was not measured.")
    pairs = f"{run.trajectory['pairs']:,} pairs of the same walk in both sensors. " if "pairs" in run.trajectory else ""
    text = (
        "How far apart the two sensors are along the diffusion trajectory: the distance between the sensors for the same walk, divided by the "
        "distance between different people. At 1 (dashed) the sensors are as far apart as two people are; a small gap alone proves nothing, "
        "as everything may have shrunk."
    )
    return (
        f"<p>{text}</p>{plot(plots.trajectory_figure(run.trajectory))}<p class='soft'>{pairs}{html.escape(str(run.trajectory.get('note', '')))}</p>"
    )


def provenance(run: RunFiles, store: Store | None) -> str:
    """What was run with which version on what."""
    facts: dict[str, Any] = dict(run.provenance or {})
    if run.rows:
        row = run.rows[0]
        facts |= {"evaluated weights": row.weights_hash, "evaluated data": row.data_hash, "evaluated with version": row.code_version}
    if store is not None:
        facts |= {"store": f"{len(store.rows):,} sequences of {len({row['person'] for row in store.rows}):,} people, {store.content_hash}"}
        facts |= {"licences": ", ".join(store.document.get("licences", [])) or "not stated"}
    listed = "".join(f"<dt>{html.escape(str(name).replace('_', ' '))}</dt><dd>{html.escape(_text(value))}</dd>" for name, value in facts.items())
    listed = f"<dl>{listed}</dl>" if listed else ""
    note = "" if run.provenance is not None else missing("No provenance.json in this run.")
    if run.config is None:
        return note + listed + missing("No config.json in this run.")
    text = html.escape(json.dumps(run.config, indent=2))
    return f"{note}{listed}<details><summary>The complete configuration</summary><pre>{text}</pre></details>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(part)}" for name, part in value.items() if part is not None)
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def has_conditions(run: RunFiles) -> bool:
    """Whether there is more than one condition to tell apart, or no result yet."""
    return not run.rows or len(conditions_of(run.rows)) > 1


def has_pairs(run: RunFiles) -> bool:
    """Whether the protocol has pairs of views or cameras, or there is no result yet."""
    protocol = protocol_of(run.rows)
    return not run.rows or protocol.identical == ("view",) or bool(protocol.cells_by)


def has_heatmaps(run: RunFiles) -> bool:
    """Whether the run's network has a 3D branch, as far as the run says."""
    return run.reconstruction is not None or bool(((run.config or {}).get("network") or {}).get("heatmaps"))


def has_diffusion(run: RunFiles) -> bool:
    """Whether the run's method has a diffusion, as far as the run says."""
    return run.trajectory is not None or run.config is None or "diffusion" in (run.config.get("objective") or {})


def bodies(run: RunFiles, store: Store | None) -> str:
    """The 3D bodies that the network recovers from silhouettes: one walk to turn and play, and how wrong they are."""
    if run.reconstruction is None:
        return missing("This run recovers no 3D bodies: its network has no heatmaps, or the data has no 3D truth.")
    return f"{_recovered_walk(run)}{reconstruction_section(run.reconstruction, run.cost)}"


def _recovered_walk(run: RunFiles) -> str:
    if run.walk is None:
        return missing("No evaluation/walk.npz in this run.")
    walk = run.walk
    recovered, truth, key = walk.bodies["recovered"], walk.bodies.get("truth"), str(walk.about.get("key", ""))
    played = walk3d_figure(recovered, truth, walk.triangles, walk.parents, walk.time_s, f"Recovered from the silhouettes of {key}")
    png = bodies_png(walk.silhouettes, recovered, truth, walk.triangles, walk.parents, title=key)
    image = f'<img src="{data_uri(png)}" alt="silhouettes, heatmaps and meshes of {html.escape(key)}">'
    return f'{played}<figure class="bodies">{image}</figure>'


SECTIONS = (
    Section("headline", "What was found", headline),
    Section("walkers", "The walkers", walkers),
    Section("bodies", "3D bodies", bodies, has_heatmaps),
    Section("results", "Results", results),
    Section("conditions", "By condition", conditions, has_conditions),
    Section("open-set", "Open-set identification", open_set, has_open_set),
    Section("cmc", "Cumulative match curves", cmc),
    Section("views", "By view pair", view_pairs, has_pairs),
    Section("map", "A map of the people", people),
    Section("retrieval", "Retrieval", retrieval),
    Section("training", "Training", training),
    Section("trajectory", "Along the diffusion", trajectory, has_diffusion),
    Section("provenance", "What was run", provenance),
)
