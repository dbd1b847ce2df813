"""Protocols as data: which sequences of a store are probes, which are the gallery, and which pairs must not be compared.

A protocol never says a sensor: every protocol is scored in the four directions (probe camera, gallery LiDAR and so on).
To add one, add an entry to PROTOCOLS. Datasets that choose by part of a type or by a list of keys need a further field in `Rule`,
and nothing else changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gaitbridge.errors import UserError, nearest

Values = Mapping[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Rule:
    """Which rows of a store's index take part: those whose fields have the values of `match`, but not those that have all of `unless`."""

    match: Values = field(default_factory=dict)
    unless: Values = field(default_factory=dict)

    def admits(self, row: Mapping[str, Any]) -> bool:
        """Whether one index row takes part."""
        if not all(row[name] in values for name, values in self.match.items()):
            return False
        return not self.unless or not all(row[name] in values for name, values in self.unless.items())

    def in_words(self) -> str:
        """The rule as a reader would say it, for tables and error messages."""
        chosen = ", ".join(_in_words(name, values) for name, values in self.match.items()) or "every sequence"
        left_out = ", ".join(_in_words(name, values) for name, values in self.unless.items())
        return f"{chosen}; without {left_out}" if left_out else chosen


def _in_words(name: str, values: tuple[Any, ...]) -> str:
    return f"{name} {' or '.join(str(value) for value in values)}"


@dataclass(frozen=True)
class Protocol:
    """A way to score a store.

    identical: the fields that make a gallery sequence "identical in view" to a probe when all of them agree. In the mode
    `excluded` such pairs are left out whoever the person is, in `identical` they alone are compared, in `all` everything is.
    Re-identification protocols, which leave out only the probe's own person at that view, name `("person", "view")`.
    conditions: the field by whose values results are also given apart.
    """

    name: str
    probe: Rule
    gallery: Rule
    ranks: tuple[int, ...] = (1, 5, 10)
    identical: tuple[str, ...] = ("view",)
    conditions: str = "condition"
    reference: str = ""

    def choose(
        self, rows: Sequence[Mapping[str, Any]], probe_keys: Iterable[str] | None = None, gallery_keys: Iterable[str] | None = None
    ) -> tuple[list[int], list[int]]:
        """Numbers of the probe rows and of the gallery rows, in index order; only rows of the keys where those are given.

        UserError where either side is empty. A row that both rules admit is a mistake in the protocol: ValueError.
        """
        probes = _admitted(self.probe, rows, probe_keys)
        gallery = _admitted(self.gallery, rows, gallery_keys)
        if both := set(probes) & set(gallery):
            raise ValueError(f"protocol {self.name}: {rows[min(both)]['key']} is both probe and gallery")
        for side, rule, found in (("probe", self.probe, probes), ("gallery", self.gallery, gallery)):
            if not found:
                raise UserError(
                    f"protocol {self.name!r} finds no {side} among {len(rows)} sequences (it takes: {rule.in_words()}); "
                    f"choose another protocol or another store. Known: {', '.join(sorted(PROTOCOLS))}."
                )
        return probes, gallery


def _admitted(rule: Rule, rows: Sequence[Mapping[str, Any]], keys: Iterable[str] | None) -> list[int]:
    among = None if keys is None else set(keys)
    return [number for number, row in enumerate(rows) if rule.admits(row) and (among is None or row["key"] in among)]


_TEST = {"split": ("test",)}

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="simulated",
            gallery=Rule(match={**_TEST, "condition": ("normal",), "take": (0,)}),
            probe=Rule(match=_TEST, unless={"condition": ("normal",), "take": (0,)}),
            reference="Our own, after SUSTech1K: the gallery is a normal walk, the probes are other walks of the same people.",
        ),
        Protocol(
            name="real-motion",
            gallery=Rule(match={**_TEST, "condition": ("normal",), "take": (0,)}),
            probe=Rule(match=_TEST, unless={"take": (0,)}),
            reference="Our own, for captured motion: a later take against the first, so that no recording is on both sides.",
        ),
    )
}


def load_protocol(name: str) -> Protocol:
    """The protocol `name`; an unknown name raises UserError with the nearest one."""
    if name not in PROTOCOLS:
        raise UserError(f"unknown protocol {name!r}: {nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
