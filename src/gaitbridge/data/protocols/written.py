"""A protocol as a JSON document, so that somebody's own is a file: read, checked, and written again.

    {"name": "corridor", "probe": {"match": {"condition": ["bag"]}}, "gallery": {"match": {"condition": ["normal"]}},
     "ranks": [1, 5], "identical": ["view"]}

The keys are those of `rules.Protocol`; what is left out is as there. A rule that says no split is of the test people.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from gaitbridge.data.protocols.rules import IN_PROBE_SET, Part, Protocol, Rule
from gaitbridge.documents import checked_shape, read_document
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.names import canonical
from gaitbridge.types import Labels

LAYOUTS = ("pooled", "view pairs", "probe views")
LOOKED_AT = (*(one.name for one in fields(Labels)), "type", "view_start", IN_PROBE_SET)  # fields that a rule may name
PRECISION = ("mAP", "mINP")
REMEDY = "write it as docs/protocols.md says"
Value = str | int | float | bool


class _Rule(TypedDict, total=False):
    match: dict[str, list[Value]]
    unless: dict[str, list[Value]]
    containing: dict[str, list[str]]


class _Part(TypedDict, total=False):
    name: str
    probe: _Rule
    gallery: _Rule | None
    printed: str


class _Protocol(TypedDict, total=False):
    name: str
    probe: _Rule
    gallery: _Rule
    ranks: list[int]
    identical: list[str]
    conditions: str
    reference: str
    parts: list[_Part]
    layout: str
    crossed: bool
    precision: list[str]
    every_probe: bool
    cells_by: str
    each: str
    mean: str


def document_of(protocol: Protocol) -> dict[str, Any]:
    """The protocol as a document, without what is as it would be anyway."""
    document: dict[str, Any] = json.loads(json.dumps(asdict(protocol)))
    for one in fields(Protocol):
        default = one.default if one.default is not MISSING else None
        if one.name in document and document[one.name] == json.loads(json.dumps(default)):
            del document[one.name]
    for rule in [document["probe"], document["gallery"], *(part[side] for part in document.get("parts", ()) for side in ("probe", "gallery"))]:
        for empty in [name for name in rule or () if not rule[name]]:
            del rule[empty]
    document["parts"] = [{name: value for name, value in part.items() if value} for part in document.get("parts", ())]
    if not document["parts"]:
        del document["parts"]
    return document


def read_protocol(path: Path) -> Protocol:
    """The protocol of a JSON file; UserError where it is missing, no JSON, or says something that is no protocol."""
    if not path.is_file():
        raise UserError(f"{path} is missing: give a protocol's JSON; `gaitbridge protocols casia_b --json` prints one to begin with")
    return protocol_of(read_document(path, dict[str, Any], REMEDY), str(path))


def protocol_of(document: object, where: str) -> Protocol:
    """The protocol of a document; where: its place, for messages. UserError where it is none."""
    found = checked_shape(document, dict[str, Any], where, REMEDY)
    _known(found, (one.name for one in fields(Protocol)), where)
    try:
        checked_shape(found, _Protocol, where, REMEDY)
    except StoreError as error:
        raise UserError(str(error).replace("is damaged", "is no protocol", 1)) from error
    for wanted in ("name", "probe", "gallery"):
        if not found.get(wanted):
            raise UserError(f"{where} has no {wanted!r}: a protocol has a name, a rule for probes and one for the gallery")
    said = {**found, "name": canonical(found["name"])}
    for side in ("probe", "gallery"):
        said[side] = _rule(found[side], f"{where}: {side}")
    said["parts"] = tuple(_part(part, f"{where}: part {number}") for number, part in enumerate(found.get("parts", ()), 1))
    for name in ("ranks", "identical", "precision"):
        if name in said:
            said[name] = tuple(said[name])
    made = Protocol(**said)
    _sensible(made, where)
    return made


def _part(part: Mapping[str, Any], where: str) -> Part:
    _known(part, (one.name for one in fields(Part)), where)
    if not part.get("name") or not part.get("probe"):
        raise UserError(f"{where} has no {'name' if not part.get('name') else 'probe'!r}: a part has a name and a rule for its probes")
    gallery = part.get("gallery")
    return Part(part["name"], _rule(part["probe"], f"{where}, probe"), _rule(gallery, f"{where}, gallery") if gallery else None,
                part.get("printed", ""))


def _rule(rule: Mapping[str, Any], where: str) -> Rule:
    """A rule, of the test people where it says no split."""
    _known(rule, (one.name for one in fields(Rule)), where)
    kinds = {kind: {name: tuple(values) for name, values in dict(rule.get(kind, {})).items()} for kind in ("match", "unless", "containing")}
    for kind, values in kinds.items():
        for name, ones in values.items():
            if name not in LOOKED_AT:
                raise UserError(f"{where}: no field {name!r}: {nearest(name, LOOKED_AT)}")
            if not ones:
                raise UserError(f"{where}: {kind} says no value of {name!r}: give a list of some")
    if not any("split" in values for values in kinds.values()):
        kinds["match"] = {"split": ("test",), **kinds["match"]}
    return Rule(**kinds)


def _known(document: Mapping[str, Any], names: Any, where: str) -> None:
    known = tuple(names)
    for name in document:
        if name not in known:
            raise UserError(f"{where}: no key {name!r}: {nearest(name, known)}")


def _sensible(made: Protocol, where: str) -> None:
    """UserError where values are outside of what there is."""
    if made.layout not in LAYOUTS:
        raise UserError(f"{where}: no layout {made.layout!r}: {nearest(made.layout, LAYOUTS)}")
    for name in made.precision:
        if name not in PRECISION:
            raise UserError(f"{where}: no precision {name!r}: {nearest(name, PRECISION)}")
    for name in (*made.identical, *filter(None, (made.conditions, made.cells_by, made.each))):
        if name not in LOOKED_AT:
            raise UserError(f"{where}: no field {name!r}: {nearest(name, LOOKED_AT)}")
    if not made.ranks or any(rank < 1 or rank > 10_000 for rank in made.ranks) or list(made.ranks) != sorted(set(made.ranks)):
        raise UserError(f"{where}: ranks {list(made.ranks)} must be whole numbers from 1 that rise, such as [1, 5, 10]")
    if made.each and made.layout != "view pairs":
        raise UserError(f"{where}: each keeps cells of pairs of views apart: give the layout 'view pairs', or leave each out")
    if made.mean and not made.own_galleries:
        raise UserError(f"{where}: mean is over galleries of parts: give parts a gallery of their own, or leave mean out")
    if made.layout == "view pairs" and made.identical != ("view",):
        raise UserError(f"{where}: the layout 'view pairs' averages over pairs of views, so identical must be [\"view\"]")
