"""The cards of the models that come along, as Markdown: written from what was measured, so that no figure is copied by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gaitbridge.errors import UserError
from gaitbridge.report.tables import TextTable

if TYPE_CHECKING:
    from gaitbridge.inference.shipped import Card, Figure

BEGIN, END = "<!-- card of {name}: written by `gaitbridge weights cards` -->", "<!-- end of the card -->"


def card_text(card: Card) -> str:
    """One card: what it is, how it was trained, on whom it was calibrated, and its figures."""
    training = card["training"]
    minutes = f"{training['seconds'] / 60:.0f} minutes of training on {training['cpu'] or 'an unknown processor'}"
    half = ("weights as trained" if card["half_precision"] is None else
            f"weights in half precision, which moves no coordinate of a unit embedding by more than {card['half_precision']:.1e}")
    size = f"{card['parameters']:,} parameters, embeddings of {card['embedding'][1]} parts x {card['embedding'][0]}, {card['distance']} distance"
    whose = f"{training['people']} people of `{training['data']}` (content `{training['data_hash']}`), recipe `{training['recipe']}`"
    lines = [
        f"`gaitbridge.load(\"{card['name']}\")`: {' and '.join(card['sensors'])}, {size}, {card['bytes'] / 1e6:.1f} MB in all, "
        f"{card['licence']}; {half}. Weights `{card['weights_hash']}`.", "",
        f"Trained on {whose}, {minutes}, commit `{training['commit']}`, checkpoint `{training['checkpoint']}`:", "",
        "```sh", re.sub(r",\s+", ",", training["command"]), "```", "",  # as a shell takes it
        f"Rates: {card['calibrated']}.", "",
    ]  # fmt: skip
    return "\n".join([*lines, *_tables(card["figures"])])


def _tables(figures: Sequence[Figure]) -> list[str]:
    """A table for each set of people that it was measured on."""
    sets = list(dict.fromkeys((one["people_of"], one["data_hash"], one["protocol"]) for one in figures))
    return [part for which in sets for part in (_table(which, [one for one in figures if _set(one) == which]), "")]


def _set(figure: Figure) -> tuple[str, str, str]:
    return figure["people_of"], figure["data_hash"], figure["protocol"]


def _table(which: tuple[str, str, str], figures: Sequence[Figure]) -> str:
    """Rows: probe, gallery and condition; columns: metrics. Above it how many walks asked, in each condition."""
    metrics = list(dict.fromkeys(one["metric"] for one in figures))
    rows = list(dict.fromkeys((one["probe"], one["gallery"], one["condition"]) for one in figures))
    lines = []
    for probe, gallery, condition in rows:
        own = {one["metric"]: one for one in figures if (one["probe"], one["gallery"], one["condition"]) == (probe, gallery, condition)}
        lines.append((probe, gallery, condition, *(_value(own.get(metric)) for metric in metrics)))
    header = ("probe", "gallery", "walks", *(f"{metric}, %" for metric in metrics))
    title = f"{which[0]} (content `{which[1][:8]}`), protocol `{which[2]}`, views other than the probe's; {_asked(figures)}:"
    return f"{title}\n\n{TextTable(title, header, tuple(lines), 3).to_markdown()}"


def _asked(figures: Sequence[Figure]) -> str:
    """How many probes of how many people there were and what chance gives, by condition; where directions differ, each."""
    said = dict.fromkeys(f"{one['condition']}: {one['probes']:,} probes of {one['people']} people"
                         + ("" if one["chance"] is None else f", chance {one['chance']:.1f} %")
                         for one in figures if one["metric"] == figures[0]["metric"])  # fmt: skip
    return "; ".join(said)


def _value(figure: Figure | None) -> str:
    if figure is None:
        return ""
    interval = "" if figure["low"] is None or figure["high"] is None else f" [{figure['low']:.1f}, {figure['high']:.1f}]"
    return f"{figure['value']:.1f}{interval}"


def with_cards(page: str, cards: Mapping[str, Card]) -> str:
    """A page with each card between its marks written anew. UserError where the page has no marks for one."""
    for name, card in cards.items():
        begin = BEGIN.format(name=name)
        if begin not in page:
            raise UserError(f"the page has no place for the card of {name}: add the lines {begin} and {END} where it is to stand")
        page = re.sub(re.escape(begin) + ".*?" + re.escape(END), lambda _, begin=begin, card=card: f"{begin}\n{card_text(card)}\n{END}",  # type: ignore[misc]
                      page, count=1, flags=re.DOTALL)
    return page
