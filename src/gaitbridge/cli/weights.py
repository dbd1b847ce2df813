"""Commands about weights: those that come along (list, copy, pack, cards), and those of others (import)."""

from pathlib import Path

from cyclopts import App

from gaitbridge.cli._app import Many, Settings, app, say, say_tables

weights = App(name="weights", help="Models that come along, and published checkpoints of the field's standard networks.")
app.command(weights)


@weights.command(name="import")
def import_(file: Path, out: Path, *, network: str, overrides: Settings = None) -> None:
    """Make a run of a published checkpoint, for evaluate, embed and the Python API. Nothing of the file is executed.

    Parameters
    ----------
    file
        The checkpoint, a PyTorch file with {"model": tensors by name} in the naming of the field's standard toolkit.
    out
        Folder of the run to make.
    network
        What it is a checkpoint of, such as gaitset, gaitgl, gaitbase, deepgaitv2, lidargait or skeletongait++: docs/networks.md lists them. Channels,
        blocks, parts and the like are read off the tensors.
    overrides
        A setting that tensors do not tell, such as --set network.size=[64,64]; may be given several times.
    """
    from gaitbridge.progress import progress
    from gaitbridge.training.weights import import_weights

    with progress(f"import {network}", "steps") as show:
        facts = import_weights(file, out, network, overrides or [], show)
    people = f", a classifier of {facts['people']:,} people" if facts["people"] else ""
    dropped = f"; dropped, as it is of no use without a classifier: {', '.join(facts['dropped'])}" if facts["dropped"] else ""
    say(f"{out}: {network} of {facts['parameters'] / 1e6:.1f} M parameters{people}{dropped}; next: gaitbridge evaluate {out} --data STORE")


@weights.command(name="list")
def list_() -> None:
    """The models that come with the package: `--model NAME` and gaitbridge.load("NAME") take them like a run. Their cards: docs/models.md."""
    from gaitbridge.inference.shipped import card_of, names
    from gaitbridge.report.tables import TextTable

    lines = []
    for name in names():
        card = card_of(name)
        best = [f"{one['probe']} to {one['gallery']} {one['value']:.0f} %" for one in card["figures"]
                if one["metric"] == "rank-1" and one["condition"] == "all" and one["data_hash"] == card["training"]["data_hash"]]  # fmt: skip
        lines.append((name, " and ".join(card["sensors"]), f"{card['parameters'] / 1e6:.2f} M", f"{card['bytes'] / 1e6:.1f} MB", ", ".join(best)))
    title = "models that come along; rank-1 on people of the kind trained on, never met (simulated)"
    say_tables(TextTable(title, ("name", "sensors", "parameters", "size", "rank-1"), tuple(lines), 2).to_rich())


@weights.command
def copy(name: str, out: Path) -> None:
    """Copy a model that comes along to a run's folder of one's own: to train on from (start_from), to evaluate, to calibrate anew.

    Parameters
    ----------
    name
        The model; `gaitbridge weights list` names them.
    out
        Folder of the run to make.
    """
    from gaitbridge.inference.packing import copied
    from gaitbridge.inference.shipped import ROOT, card_of

    card = card_of(name)
    copied(ROOT / name, out)
    say(f"{out}: {name}, weights {card['weights_hash']}")


@weights.command
def pack(run: Path, name: str, *, calibrate_on: Path, templates: Many = 4, cohort_size: Many = 120, checkpoint: str = "", out: Path | None = None,
         page: Path | None = None) -> None:
    """Make a run a model that comes along, in place of the one of that name: weights, calibration, figures, card. For who works on this package.

    Parameters
    ----------
    run
        Folder of the run, evaluated. All figures that its folders `evaluation` and `evaluation-NAME` have of the same weights go into the card.
    name
        What it is to be called.
    calibrate_on
        People whom it was not trained on, of both sensors: rates are fixed on them, a fifth of them is the cohort.
    templates
        How many sequences of each of them stand for templates, as of `calibrate`.
    cohort_size
        Embeddings of each sensor that are shipped to normalise scores by.
    checkpoint
        best, last or a step; by default the one that `evaluation` was made of.
    out
        The folder of all models; by default the package's own.
    page
        The page whose cards are written anew, such as docs/models.md.
    """
    from gaitbridge.cli._cohort import fixed_on
    from gaitbridge.cli._gallery import unseen
    from gaitbridge.files import within, workplace, write_json
    from gaitbridge.gallery.decision import RATES
    from gaitbridge.inference import packing
    from gaitbridge.inference.shipped import CARD, ROOT
    from gaitbridge.store import Store

    place = within(out or ROOT, name)
    which, folder, figures = packing.evaluated(run, checkpoint)
    source = Store(calibrate_on)
    with workplace(place) as work:
        made = work / place.name
        model, moved = packing.start(run, which, made, source)
        found, cohort = fixed_on(model, source, unseen(model, source, list(range(len(source.rows))), False), RATES, templates, most=cohort_size)
        write_json(found.model_dump(mode="json"), made / "calibration.json")
        if cohort is not None:
            write_json(cohort.document(), made / "cohort.json")
        card = packing.card(name, run, folder, model, moved, found.in_words(), figures)
        write_json(card, made / CARD)
        packing.placed(made, place)
    precision = "as trained" if moved is None else f"in half precision, embeddings moved by {moved:.1e} at most"
    say(f"{place}: {card['bytes'] / 1e6:.2f} MB, weights {card['weights_hash']} {precision}; {found.in_words()}; {len(figures)} figures")
    if page is not None:
        cards(page)


@weights.command
def cards(page: Path | None = None) -> None:
    """Print the cards of the models that come along, as Markdown, or write them into a page.

    Parameters
    ----------
    page
        A page with a mark for each, such as docs/models.md.
    """
    from gaitbridge.files import written_whole
    from gaitbridge.inference.shipped import card_of, names
    from gaitbridge.printing import say_lines
    from gaitbridge.report.model_cards import card_text, with_cards

    found = {name: card_of(name) for name in names()}
    if page is None:
        for name, card in found.items():
            say_lines(f"## {name}\n\n{card_text(card)}")
        return
    text = with_cards(page.read_text(encoding="utf-8"), found)
    with written_whole(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"{page}: cards of {', '.join(found)}")
