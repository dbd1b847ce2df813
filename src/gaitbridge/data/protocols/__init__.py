"""Protocols as data: which sequences are probes, which are the gallery, and which pairs must not be compared.

`own` has ours, `datasets` the public datasets' own; to add one, add it there. Somebody's own is a file (`written`), and a store may bring its own
along, which is known from then on (`remember`). A protocol never says a sensor, only whether both sides
are of the same kind: a store is scored in every direction it has (probe camera, gallery LiDAR and so on).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gaitbridge import plugins
from gaitbridge.data.protocols.datasets import DATASETS
from gaitbridge.data.protocols.own import OWN
from gaitbridge.data.protocols.rules import IN_PROBE_SET, MODES, Columns, Part, Protocol, Rule, columns_of
from gaitbridge.data.protocols.written import document_of, protocol_of, read_protocol
from gaitbridge.errors import UserError, nearest

__all__ = ["BUILT_IN", "IN_PROBE_SET", "MODES", "PROTOCOLS", "Columns", "Part", "Protocol", "Rule", "chosen_protocol", "columns_of", "document_of",
           "known_protocols", "load_protocol", "own_protocol", "protocol_of", "read_protocol", "remember"]

BUILT_IN: frozenset[str] = frozenset(protocol.name for protocol in (*OWN, *DATASETS))
PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (*OWN, *DATASETS)}  # those known by name: built in, and remembered


def remember(protocol: Protocol, where: str) -> Protocol:
    """Know a protocol by its name from now on; where: where it comes from. UserError where that is the name of one that is built in, and another."""
    if protocol.name in BUILT_IN and PROTOCOLS[protocol.name] != protocol:
        raise UserError(f"{where}: {protocol.name!r} is the name of a protocol that is built in, and differs from it: give yours another name")
    PROTOCOLS[protocol.name] = protocol
    return protocol


def known_protocols() -> dict[str, Protocol]:
    """The protocols by name: those built in, plug-ins', and those that stores and results brought along."""
    for (kind, _), path in plugins.given().items():
        if kind == "protocols":
            plugins.note_use(path)
            remember(read_protocol(path), f"the plug-in {path}")
    return PROTOCOLS


def load_protocol(name: str) -> Protocol:
    """The protocol `name`, or of the file NAME.json; an unknown name raises UserError with the nearest one."""
    if name.endswith(".json"):
        return remember(read_protocol(Path(name)), name)
    if name not in known_protocols():
        raise UserError(f"unknown protocol {name!r}: {nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]


def own_protocol(about: Mapping[str, Any]) -> str:
    """The name of the protocol that belongs to a store, by what its document says about it (`store.document["about"]`); empty where nobody can tell.

    Of a store that was given one that one, of an imported store the dataset's own, of a simulated one `simulated`, or `simulated-2` where some people
    are met at night, of captured motion or captured walks `real-motion`.
    """
    if about.get("protocol"):
        return remember(protocol_of(about["protocol"], "the store's protocol"), "the store's protocol").name
    kind = about.get("kind")
    if kind == "imported":
        dataset = str(about.get("dataset", ""))
        return next((name for name in (dataset, dataset.split("_mesh")[0], dataset.split("_parsing")[0]) if name in PROTOCOLS), "")
    if kind == "simulated":
        if str(about.get("motion", "")).startswith(("bvh:", "amc:")):
            return "real-motion"
        settings = about.get("config")
        return "simulated-2" if isinstance(settings, Mapping) and settings.get("night_people") else "simulated"
    return "real-motion" if kind == "captured" else ""


def chosen_protocol(name: str | None, about: Mapping[str, Any], store: str) -> Protocol:
    """The protocol asked for, or the store's own. UserError where neither is known."""
    if name is None and not own_protocol(about):
        raise UserError(f"{store} does not say of which dataset it is, so it has no protocol of its own: choose one with --protocol "
                        f"({', '.join(PROTOCOLS)})")
    return load_protocol(name or own_protocol(about))
