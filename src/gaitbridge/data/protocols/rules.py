"""What a protocol is: rules that say which sequences are probes and which the gallery, which pairs must not be compared, what is averaged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gaitbridge.errors import UserError

Values = Mapping[str, tuple[Any, ...]]
Columns = Mapping[str, np.ndarray]  # by field name, [n] each
MODES = ("excluded", "identical", "all")  # of views: what the protocol leaves out left out, identical views alone, everything
IN_PROBE_SET = "in_probe_set"  # whether the dataset's partition names the sequence as a probe


@dataclass(frozen=True)
class Rule:
    """Which sequences take part: their fields have the values of `match` and contain a word of `containing`, but have not all of `unless`.

    Fields are those of `types.Labels`, and what `columns_of` adds: type, view_start, in_probe_set.
    """

    match: Values = field(default_factory=dict)
    unless: Values = field(default_factory=dict)
    containing: Values = field(default_factory=dict)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it looks at."""
        return frozenset((*self.match, *self.unless, *self.containing))

    def mask(self, columns: Columns) -> np.ndarray:
        """bool [n]: which sequences take part."""
        chosen = np.ones(len(next(iter(columns.values()))), bool)
        for name, values in self.match.items():
            chosen &= np.isin(columns[name], np.asarray(values))
        for name, words in self.containing.items():
            kinds, number = np.unique(columns[name], return_inverse=True)
            chosen &= np.asarray([any(word in str(kind) for word in words) for kind in kinds], bool)[number]
        if self.unless:
            left_out = np.ones(len(chosen), bool)
            for name, values in self.unless.items():
                left_out &= np.isin(columns[name], np.asarray(values))
            chosen &= ~left_out
        return chosen

    def in_words(self) -> str:
        """The rule as a reader would say it, for tables and error messages."""
        said = [_in_words(name, values) for name, values in self.match.items()]
        said += [f"{name} with {' or '.join(map(str, words))}" for name, words in self.containing.items()]
        left_out = ", ".join(_in_words(name, values) for name, values in self.unless.items())
        chosen = ", ".join(said) or "every sequence"
        return f"{chosen}; without {left_out}" if left_out else chosen


def _in_words(name: str, values: tuple[Any, ...]) -> str:
    if name == IN_PROBE_SET:
        return "in PROBE_SET" if values == (True,) else "not in PROBE_SET"
    return f"{name} {' or '.join(str(value) for value in values)}"


@dataclass(frozen=True)
class Part:
    """A part of a protocol with a name of its own, such as CASIA-B's BG: its probes, and its gallery where that is another one.

    printed: how the field's standard toolkit spells the name, where it differs.
    """

    name: str
    probe: Rule
    gallery: Rule | None = None
    printed: str = ""


@dataclass(frozen=True)
class Protocol:
    """A way to score embeddings.

    layout: `view pairs`, the mean over the cells (probe view, gallery view), of gallery views first; `probe views`, the mean over probe
    views against the whole gallery; `pooled`, the mean over probes.
    identical: the fields that make a gallery sequence "identical in view" to a probe when all of them agree. In the mode
    `excluded` such pairs are left out whoever the person is, in `identical` they alone are compared, in `all` everything is.
    Re-identification protocols, which leave out only the probe's own person at that view, name `("person", "view")`.
    Where nothing is left out whatever the view, it is empty. crossed: probe and gallery are of different modalities.
    each: of `view pairs` the field (CCGR: the type) by whose values of probes cells are kept apart, so that each value counts alike.
    mean: where parts have galleries of their own, the name of the mean over these galleries, which is then the protocol's number; parts that are not
    there are left out of it.
    cells_by: the field (CCPG: the camera) by whose pairs (probe, gallery) the field's standard toolkit averages rank-1 as well, beside the rest.
    parts: by which results are also given; without parts, by the values of the field `conditions`, or by nothing where that is empty.
    precision: whether mAP (and mINP) belong to it, by name. every_probe: the toolkit counts a probe without a mate as a miss here.
    """

    name: str
    probe: Rule
    gallery: Rule
    ranks: tuple[int, ...] = (1, 5, 10)
    identical: tuple[str, ...] = ("view",)
    conditions: str = "condition"
    reference: str = ""
    parts: tuple[Part, ...] = ()
    layout: str = "pooled"
    crossed: bool = False
    precision: tuple[str, ...] = ("mAP", "mINP")
    every_probe: bool = False
    cells_by: str = ""
    each: str = ""
    mean: str = ""

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of views that mean something: three where identical views are left out whoever the person is, else the protocol's own alone."""
        return MODES if self.identical == ("view",) else MODES[:1]

    @property
    def heads(self) -> tuple[str, ...]:
        """The conditions that stand for the whole: `all` without parts; the mean over galleries; of parts the one called Overall, else every one."""
        if self.mean:
            return (self.mean,)
        names = tuple(part.name for part in self.parts)
        return ("Overall",) if "Overall" in names else names or ("all",)

    @property
    def fields(self) -> frozenset[str]:
        """The fields that it looks at, the parts of the key always among them."""
        rules = [self.probe, self.gallery, *(rule for part in self.parts for rule in (part.probe, part.gallery) if rule is not None)]
        named = {name for rule in rules for name in rule.fields}
        conditions = set() if self.parts or not self.conditions else {self.conditions}
        beside = {name for name in (self.cells_by, self.each) if name}
        return frozenset({"key", "person", "type", "view", *self.identical, *named, *conditions, *beside})

    @property
    def own_galleries(self) -> bool:
        """Whether each part has its own gallery, so that there is nothing over all of them."""
        return any(part.gallery is not None for part in self.parts)

    def alone(self) -> list[Protocol]:
        """A protocol for each gallery: itself, or one for each part with a gallery of its own."""
        if not self.own_galleries:
            return [self]
        return [replace(self, probe=part.probe, gallery=part.gallery or self.gallery, parts=(replace(part, gallery=None),)) for part in self.parts]

    def choose(
        self,
        rows: Sequence[Mapping[str, Any]],
        probe_keys: Iterable[str] | None = None,
        gallery_keys: Iterable[str] | None = None,
        probe_set: Iterable[str] | None = None,
    ) -> tuple[list[int], list[int]]:
        """Numbers of the probe rows and of the gallery rows, in index order; only rows of the keys where those are given.

        rows: of a store's index; probe_set: keys of the partition's probes (default: as the rows say). UserError where either side is
        empty. A row that is both probe and gallery of one modality is a mistake in the protocol: ValueError.
        """
        columns = columns_of(rows, self, probe_set)
        sides: list[list[int]] = []
        for chosen, keys in zip(self.masks(columns), (probe_keys, gallery_keys), strict=True):
            among = chosen if keys is None else chosen & np.isin(columns["key"], np.asarray(list(keys), dtype=str))
            sides.append(np.flatnonzero(among).tolist())
        self.check_sides(sides[0], sides[1], len(rows))
        return sides[0], sides[1]

    def masks(self, columns: Columns) -> tuple[np.ndarray, np.ndarray]:
        """bool [n], bool [n]: the probes and the gallery (of all parts)."""
        probes, gallery = np.zeros(len(columns["key"]), bool), np.zeros(len(columns["key"]), bool)
        for one in self.alone():
            sides = one.probe.mask(columns), one.gallery.mask(columns)
            if (both := sides[0] & sides[1]).any():
                raise ValueError(f"protocol {self.name}: {columns['key'][both.argmax()]} is both probe and gallery")
            probes, gallery = probes | sides[0], gallery | sides[1]
        return probes, gallery

    def check_sides(self, probes: Sequence[int], gallery: Sequence[int], size: int) -> None:
        """UserError where a side is empty."""
        for side, rule, found in (("probe", self.probe, probes), ("gallery", self.gallery, gallery)):
            if not len(found):
                raise UserError(
                    f"protocol {self.name!r} finds no {side} among {size} sequences (it takes: {rule.in_words()}); choose another "
                    "protocol or other data. `gaitbridge protocols` lists what each protocol takes."
                )

    def described(self) -> list[str]:
        """All of it as lines of text."""
        lines = [
            f"{self.name}: {self.reference}",
            f"probe     {self.probe.in_words()}",
            f"gallery   {self.gallery.in_words()}{'; of the other sensor' if self.crossed else ''}",
            f"excluded  {self.exclusion_in_words()}",
            f"score     {', '.join([*(f'rank-{rank}' for rank in self.ranks), *self.precision])}: {self.score_in_words()}",
        ]
        if self.cells_by:
            lines.append(f"beside    rank-1, mean over pairs of {self.cells_by.replace('view_start', 'cameras')}, different ones and all")
        if self.mean:
            lines.append(f"number    {self.mean}: mean over the galleries of the parts that are there")
        for part in self.parts:
            own = f"; gallery: {part.gallery.in_words()}" if part.gallery else ""
            lines.append(f"part      {part.name}: {part.probe.in_words()}{own}")
        return lines

    def exclusion_in_words(self) -> str:
        """What a probe is not compared with, by the dataset's owners."""
        if not self.identical:
            return "nothing"
        if self.identical == ("view",):
            return "gallery sequences of the probe's own view"
        whose, at = ("the probe's own person at", [name for name in self.identical if name != "person"])
        same = " and ".join("camera (the view up to _)" if name == "view_start" else name for name in at)
        return f"{whose} the same {same}" if "person" in self.identical else f"gallery sequences of the same {same}"

    def score_in_words(self) -> str:
        """What its numbers are means of."""
        by = f" of each {self.each}" if self.each else ""
        return {
            "view pairs": f"mean over pairs (probe view{by}, gallery view), over gallery views first",
            "probe views": "mean over probe views, each against the whole gallery",
            "pooled": "mean over probes",
        }[self.layout]


def columns_of(rows: Sequence[Mapping[str, Any]], protocol: Protocol, probe_set: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """The fields that a protocol looks at, as arrays [n], of index rows; `type` and `view_start` come from the key where rows have them not.

    UserError where a field is not there, or the protocol needs a partition's probes and nobody says them.
    """
    columns: dict[str, np.ndarray] = {}
    for name in sorted(protocol.fields):
        if name == IN_PROBE_SET:
            continue
        if name in ("type", "view_start") and rows and name not in rows[0]:
            found = [type_of(row["key"]) if name == "type" else str(row["view"]).split("_")[0] for row in rows]
        else:
            if rows and name not in rows[0]:
                raise UserError(f"protocol {protocol.name!r} looks at the field {name!r}, which these sequences have not; choose another protocol")
            found = [row[name] for row in rows]
        columns[name] = np.asarray(found) if rows else np.empty(0, str)
    if IN_PROBE_SET in protocol.fields:
        listed = probe_set
        if listed is None and rows and IN_PROBE_SET in rows[0]:
            columns[IN_PROBE_SET] = np.asarray([row[IN_PROBE_SET] for row in rows], bool)
        elif listed is None:
            raise UserError(
                f"protocol {protocol.name!r} takes its probes from the dataset's partition (PROBE_SET), which is not known here; give the "
                "partition's JSON with --partition, or import the dataset again with it"
            )
        else:
            columns[IN_PROBE_SET] = np.isin(columns["key"], np.asarray(sorted(listed), dtype=str))
    return columns


def type_of(key: str) -> str:
    """The middle part of a key person/type/view; empty where there is none."""
    parts = key.split("/")
    return "/".join(parts[1:-1]) if len(parts) > 2 else ""


def fields_of_type(kind: str) -> tuple[str, int]:
    """condition and take of a type in the simulator's form condition-take; (kind, 0) of another."""
    found = re.fullmatch(r"(.+)-(\d+)", kind)
    return (found[1], int(found[2])) if found else (kind, 0)
