"""Pieces of HTML that sections of the report share."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def missing(what: str) -> str:
    """The line that stands where there is nothing to show."""
    return f'<p class="missing">{html.escape(what)}</p>'


def plot(figure: Figure) -> str:
    """A plotly figure as HTML; the page holds plotly.js once."""
    config = {"displaylogo": False, "displayModeBar": False, "responsive": True}
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
    return f'<div class="plot">{drawn}</div>'
