"""Commands that measure a run: evaluate."""

from pathlib import Path
from typing import Any

from gaitbridge.cli._app import FlipsOf, Seed, app, say
from gaitbridge.errors import UserError


@app.command
def evaluate(run: Path, *, data: Path, protocol: str | None = None, partition: Path | None = None, probe: str | None = None,
             gallery: str | None = None, out: Path | None = None, seed: Seed = 0, open_set: bool = False, fast: bool = True,
             checkpoint: str = "best", flips: FlipsOf = None) -> None:
    """Evaluate a run on people it has never seen: both directions across the sensors, and each sensor alone.

    Parameters
    ----------
    run
        Folder of the run, or an exported file.
    data
        The store to evaluate on.
    protocol
        Who is compared with whom; `gaitbridge protocols` lists them. By default the dataset's own, of simulated people `simulated`, of captured walks
        `real-motion`.
    partition
        The dataset's partition, a JSON with PROBE_SET, for protocols that take their probes from it; by default as the store was imported.
    probe, gallery
        Print only this direction: camera or lidar each.
    out
        Folder of embeddings and results; by default `evaluation` in the run's folder (`evaluation-NAME` for a store it was not trained on); an
        exported file needs it.
    seed
        Of the bootstrap.
    open_set
        Give the false-negative identification rate where at most 10, 1 and 0.1 % of strangers are given a name, too, as `score --open-set` does.
    fast
        Embed by the folded network, the same numbers but for rounding, checked on the first sequences; --no-fast takes the plain one.
    checkpoint
        best on the validation people, last, or a step of the run's setting keep_at.
    flips
        See each walk mirrored as well, and average both embeddings or concatenate their channels; by default as the run's setting `flips` says.
        Embeddings of one way do not compare with those of another.
    """
    from gaitbridge.conventions import SENSOR
    from gaitbridge.data.protocols import chosen_protocol
    from gaitbridge.data.protocols.partition import read_probe_set
    from gaitbridge.evaluation.embedding.from_store import embed_store, modality_name
    from gaitbridge.evaluation.embedding.labels import probe_set_of
    from gaitbridge.evaluation.scoring.rows import write_evaluation
    from gaitbridge.files import write_json
    from gaitbridge.inference.loading import load
    from gaitbridge.progress import progress
    from gaitbridge.report.result_tables import print_tables
    from gaitbridge.store import Store

    wanted = [modality_name(side) if side else None for side in (probe, gallery)]
    store = Store(data)
    rule = chosen_protocol(protocol, store.document["about"], str(data))
    listed = probe_set_of(store, None if partition is None else read_probe_set(partition))
    probes, mates = rule.choose(store.rows, probe_set=listed)
    model = load(run, checkpoint, fast=fast, flips=flips)
    exported = run.is_file()
    if exported and out is None:
        raise UserError(f"{run} is an exported network and no folder: say where the results go with --out FOLDER")
    ending = "" if flips is None or exported or flips == model.config.flips else f"-flips-{flips}"
    folder = out or run / (("evaluation" if store.content_hash == model.trained_on else f"evaluation-{data.resolve().name}") + ending)
    known = {"run": str(run), "recipe": model.recipe, "checkpoint": model.folder.name, "data": str(data), "protocol": rule.name,
             "flips": model.flips}
    for modality in model.modalities:
        with progress(f"embed {modality.replace('_', ' ')}", "sequences") as show:
            embed_store(model.embed_stored, store, sorted({*probes, *mates}), modality, folder / f"{modality}.npz", known, progress=show,
                        inputs=model.inputs[modality], probe_set=listed)
    with progress("score", "passes") as show:
        show(0, 2, "")
        if (found := model.diagnostics(store, probes, seed)) is not None:
            write_json(found[1], folder / found[0])
        show(1, 2, "")
        rows = write_evaluation(folder, store, rule, seed, folder, listed, open_set)
        show(2, 2, "")
    if not exported:
        _evaluate_bodies(model, store, sorted({*probes, *mates}), seed, folder)
    chosen = [SENSOR[side] if side else None for side in wanted]
    print_tables([row for row in rows if chosen[0] in (None, row.probe_modality) and chosen[1] in (None, row.gallery_modality)])
    say(f"{folder / 'results.json'}, results.csv: {len(rows)} rows")


def _evaluate_bodies(model: Any, store: Any, numbers: list[int], seed: int, folder: Path) -> None:
    """How wrong the 3D bodies are that a network with heatmaps recovers, what it costs, and one walk to look at; nothing for other networks."""
    from gaitbridge.evaluation.bodies.reconstruction import write_reconstruction
    from gaitbridge.evaluation.bodies.walk_file import write_walk
    from gaitbridge.evaluation.embedding.cost import write_cost
    from gaitbridge.inference import bodies
    from gaitbridge.progress import progress
    from gaitbridge.report.hero import hero_sequence
    from gaitbridge.report.reconstruction_tables import print_reconstruction

    if getattr(model.config.network, "heatmaps", None) is None:
        return
    with progress("measure cost", "networks") as show:
        show(0, 1, "")
        if (found := bodies.costs_beside_plain(model)) is not None:
            write_cost(found, folder)
        show(1, 1, "")
    if model.config.objective.reconstruction is None:
        return
    with progress("measure bodies", "sequences") as show:
        rows = bodies.measure_bodies(model, store, numbers, seed, show)
    if rows:
        write_reconstruction(rows, folder)
        print_reconstruction(rows)
        write_walk(bodies.walk_of(model, store, hero_sequence(store)), folder / "walk.npz")
