"""Figures to files: the one way, in which no name is a formula."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gaitbridge.printing import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_png(figure: Figure, to: Path | IO[bytes]) -> None:
    """A figure as a PNG, the same bytes on every machine. Its texts stand as they are, control characters escaped: a name with $ is no formula."""
    from matplotlib.text import Text

    axis_of = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    numbers = {label for axis in axis_of for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text not in numbers:  # which may be formulas, such as powers of ten
            text.set_parse_math(False)
            text.set_text("\n".join(map(shown, text.get_text().split("\n"))))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # letters that the font lacks are drawn as boxes
        figure.savefig(to, format="png", metadata={"Software": None})
