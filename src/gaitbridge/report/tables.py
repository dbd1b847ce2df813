"""Tables: one description, three ways out (terminal, Markdown, HTML)."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaitbridge import printing

if TYPE_CHECKING:
    from rich.table import Table

    from gaitbridge.evaluation.bodies.reconstruction import ReconstructionRow
    from gaitbridge.evaluation.results import ResultRow

SENSOR_NAME = {"camera": "camera", "lidar": "LiDAR", "": "–"}  # empty: embeddings of a file that does not say


@dataclass(frozen=True)
class TextTable:
    """A table of text: `header` and `lines` of equal length; the first `names` columns are words, the others numbers.

    What may not be printed as it is, such as a control character in a name, stands as its escape from the beginning.
    """

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    names: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", printing.shown(self.title))
        object.__setattr__(self, "header", tuple(map(printing.shown, self.header)))
        object.__setattr__(self, "lines", tuple(tuple(map(printing.shown, line)) for line in self.lines))

    def columns(self, *wanted: int) -> TextTable:
        """The same table with some of its columns; names stay names."""
        names = sum(number < self.names for number in wanted)
        picked = tuple(tuple(line[number] for number in wanted) for line in (self.header, *self.lines))
        return TextTable(self.title, picked[0], picked[1:], names)

    @property
    def width(self) -> int:
        """How many characters wide it is in a terminal when no cell is broken; letters of some scripts are as wide as two."""
        from rich.cells import cell_len

        return sum(max(cell_len(line[number]) for line in (self.header, *self.lines)) + 3 for number in range(len(self.header))) - 3

    def narrowed(self, width: int) -> list[TextTable]:
        """This table, or several of some of its columns beside the names, none wider than `width` characters where that can be.

        As few as there can be, and about as wide as each other: no column stands alone because the others just fit.
        """
        parts = self._split(width)
        for narrower in range(width - 1, 0, -1):
            if len(found := self._split(narrower)) > len(parts):
                break
            parts = found
        return [self.columns(*part) for part in parts]

    def _split(self, width: int) -> list[list[int]]:
        """Columns of each part, filled from the left."""
        names = list(range(self.names))
        parts = [names]
        for number in range(self.names, len(self.header)):
            if parts[-1] != names and self.columns(*parts[-1], number).width > width:
                parts.append(names)
            parts[-1] = [*parts[-1], number]
        return parts

    def to_rich(self) -> Table:
        """For the terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        looks: dict[str, Any] = {"box": SIMPLE_HEAD, "show_edge": False, "pad_edge": False, "header_style": "bold", "title_style": "bold"}
        table = Table(title=Text(f"\n{self.title}"), title_justify="left", **looks)
        for number, name in enumerate(self.header):
            table.add_column(Text(name), justify="left" if number < self.names else "right")
        for line in self.lines:
            table.add_row(*map(Text, line))
        return table

    def to_markdown(self) -> str:
        """A Markdown table without its title."""
        rule = ["---" if number < self.names else "---:" for number in range(len(self.header))]
        return "\n".join("| " + " | ".join(line) + " |" for line in (self.header, rule, *self.lines))

    def to_html(self) -> str:
        """An HTML table without its title; an interval in brackets is set smaller."""
        head = "".join(_cell("th", name, number < self.names) for number, name in enumerate(self.header))
        body = "".join("<tr>" + "".join(_cell("td", text, number < self.names) for number, text in enumerate(line)) + "</tr>" for line in self.lines)
        return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(tag: str, text: str, word: bool) -> str:
    value, bracket, rest = html.escape(text).partition(" [")
    small = f' <span class="interval">[{rest}</span>' if bracket else ""
    kind = ' class="word"' if word else ""
    return f"<{tag}{kind}>{value}{small}</{tag}>"


def number(row: ResultRow | ReconstructionRow | None, interval: bool = False) -> str:
    """`53.4` or `53.4 [48.1, 59.0]`; a dash where there is no value."""
    if row is None or row.value is None:
        return "–"
    if not interval or row.low is None or row.high is None:
        return f"{row.value:.1f}"
    return f"{row.value:.1f} [{row.low:.1f}, {row.high:.1f}]"
