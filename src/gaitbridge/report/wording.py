"""What heads and footnotes say of a protocol: what its numbers are means of, and what a probe was not compared with."""

from __future__ import annotations

from collections.abc import Sequence

from gaitbridge.data.protocols import PROTOCOLS, Protocol
from gaitbridge.evaluation.comparing.paired import PairedRow
from gaitbridge.evaluation.results import ResultRow

VIEWS = {"excluded": "other views", "identical": "same view", "all": "all views"}
INTERVALS = "In %, with 95 % bootstrap intervals over people."
OPEN_SET_NOTE = (
    "FNIR at FPIR: the share of searches by somebody enrolled that do not give their name, where at most that share of searches by strangers is "
    "given one; each person is held out in turn to be the stranger. A dash: too few searches by strangers to state the rate (30 must be expected "
    "to name somebody)."
)
CHANCE = "Chance: rank-1 of a random order."
BY_VIEW = (
    "Other views: gallery sequences of the probe's own view angle are left out; same view: they alone are compared. Rank-5 and further columns are "
    "of other views."
)
BY_PAIRS = (
    "Rank-k: mean over pairs (probe view, gallery view) of different views, over gallery views first; same view: over the pairs of one view. Pooled, "
    "which is not the protocol's number: mean over probes, each against all other views at once."
)
BY_CAMERAS = (
    "By cameras: rank-1, mean over pairs (probe camera, gallery camera) of different cameras, or of all: the numbers that the field's standard "
    "toolkit calls CL, UP, DN and BG."
)


def protocol_of(rows: Sequence[ResultRow | PairedRow]) -> Protocol:
    """The protocol that rows were scored under; one that is unknown here counts as `simulated`."""
    return PROTOCOLS.get(rows[0].protocol if rows else "", PROTOCOLS["simulated"])


def mode_words(protocol: Protocol, mode: str) -> str:
    """`other views`, or what the protocol leaves out: for heads."""
    if protocol.identical == ("view",):
        return VIEWS[mode]
    return f"left out: {protocol.exclusion_in_words()}"


def in_mode(name: str, protocol: Protocol, mode: str) -> str:
    """A column's head: `rank-1, other views`; where a protocol has one mode alone, the plain name."""
    return f"{name}, {VIEWS[mode]}" if protocol.identical == ("view",) else name


def from_view(protocol: Protocol, mode: str) -> str:
    """` from another view angle`, for sentences; nothing where views play no part."""
    if protocol.identical != ("view",):
        return ""
    return {"excluded": " from another view angle", "identical": " from the same view angle", "all": ""}[mode]


def how_in_words(protocol: Protocol) -> str:
    """What a protocol's numbers are means of, and what it leaves out, in sentences."""
    if protocol.identical == ("view",):
        how = BY_PAIRS if protocol.layout == "view pairs" else BY_VIEW
    else:
        mean = protocol.score_in_words()
        how = f"{mean[0].upper()}{mean[1:]}. Left out of the gallery: {protocol.exclusion_in_words()}."
    if protocol.layout == "probe views":
        how += " Pooled, which is not the protocol's number: mean over probes."
    return f"{how} {BY_CAMERAS}" if protocol.cells_by else how


def note(rows: Sequence[ResultRow]) -> str:
    """The footnote of results."""
    return f"{INTERVALS} {how_in_words(protocol_of(rows))} {CHANCE}"
