"""Protocols as data: which sequences are probes, which are the gallery, and which pairs must not be compared.

`own` has ours, `datasets` the public datasets' own; to add one, add it there. A protocol never says a sensor, only whether both sides
are of the same kind: a store is scored in every direction it has (probe camera, gallery LiDAR and so on).
"""

from gaitbridge.data.protocols.datasets import DATASETS
from gaitbridge.data.protocols.own import OWN
from gaitbridge.data.protocols.rules import IN_PROBE_SET, Columns, Part, Protocol, Rule, columns_of
from gaitbridge.errors import UserError, nearest

__all__ = ["IN_PROBE_SET", "PROTOCOLS", "Columns", "Part", "Protocol", "Rule", "columns_of", "load_protocol"]

PROTOCOLS: dict[str, Protocol] = {protocol.name: protocol for protocol in (*OWN, *DATASETS)}


def load_protocol(name: str) -> Protocol:
    """The protocol `name`; an unknown name raises UserError with the nearest one."""
    if name not in PROTOCOLS:
        raise UserError(f"unknown protocol {name!r}: {nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]
