"""The report: read results and the store, never a model. `write_report` makes the page, `describe_store` the tables of a store."""

from gaitbridge.report.inspect import describe_store
from gaitbridge.report.page import write_report

__all__ = ["describe_store", "write_report"]
