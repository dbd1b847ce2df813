"""The report: read results and the store, never a model. `write_report` makes the page, `describe_store` the tables of a store.

Both are imported when they are asked for: whoever prints a table needs neither figures nor a network.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gaitbridge.report.inspect import describe_store
    from gaitbridge.report.page import write_report

__all__ = ["describe_store", "write_report"]

_HOMES = {"describe_store": "gaitbridge.report.inspect", "write_report": "gaitbridge.report.page"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
