"""Our own protocols, for simulated and for captured walks. Probes and gallery are different walks: no sequence is ever its own mate."""

from gaitbridge.data.protocols.rules import Protocol, Rule

_TEST = {"split": ("test",)}

OWN = (
    Protocol(
        name="simulated",
        gallery=Rule(match={**_TEST, "condition": ("normal",), "take": (0,)}),
        probe=Rule(match=_TEST, unless={"condition": ("normal",), "take": (0,)}),
        reference="Our own, after SUSTech1K: the gallery is a normal walk, the probes are other walks of the same people.",
    ),
    Protocol(
        name="simulated-2",
        gallery=Rule(match={**_TEST, "condition": ("normal", "night"), "take": (0,)}),
        probe=Rule(match=_TEST, unless={"condition": ("normal", "night"), "take": (0,)}),
        reference="As `simulated`, where some people are met at night alone: their gallery is a walk at night, as is SUSTech1K's.",
    ),
    Protocol(
        name="real-motion",
        gallery=Rule(match={**_TEST, "condition": ("normal",), "take": (0,)}),
        probe=Rule(match=_TEST, unless={"take": (0,)}),
        reference="Our own, for captured motion: a later take against the first, so that no recording is on both sides.",
    ),
)
