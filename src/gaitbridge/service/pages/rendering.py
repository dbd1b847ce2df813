"""Templates made into pages: how numbers, rates and times are said, and which addresses files of the page have."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version as metadata_version
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from gaitbridge import __version__
from gaitbridge.printing import per_cent

PAGES = (("/recordings", "Recordings"), ("/people", "People"), ("/unknown", "Unknown"), ("/live", "Live"), ("/thresholds", "Thresholds"),
         ("/audit", "Audit"), ("/access", "Access"))
HERE = files("gaitbridge.service.pages")
PLOTLY = "plotly.js"
STATIC = {"style.css": "text/css", "walker.svg": "image/svg+xml"} | dict.fromkeys(
    (PLOTLY, "page.js", "signin.js", "recordings.js", "recording.js", "live.js", "thresholds.js", "access.js"), "text/javascript")


def render(template: str, **values: Any) -> str:
    """A page. Every name in it is escaped; a name that is missing is an error of ours."""
    return _environment().get_template(template).render(values)


@cache
def static(name: str) -> tuple[bytes, str]:
    """A file of the page, or plotly.js as its wheel carries it: its bytes and media type. KeyError of an unknown one."""
    media = STATIC[name]
    if name == PLOTLY:
        from plotly.offline import get_plotlyjs

        return get_plotlyjs().encode(), media
    return HERE.joinpath("static", name).read_bytes(), media


@cache
def edition() -> str:
    """A hash of all files of the page: their addresses change with any of them. It is a part of the path, so that files name each other by theirs."""
    own = [static(name)[0] for name in sorted(STATIC) if name != PLOTLY]
    return hashlib.blake2b(b"\0".join([metadata_version("plotly").encode(), *own]), digest_size=8).hexdigest()


@cache
def _environment() -> Environment:
    made = Environment(loader=FunctionLoader(_template), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"rate": rate, "when": when, "day": day, "part": lambda name: quote(str(name), safe=""), "plural": plural, "shared": shared}
    made.globals |= {"static": lambda name: f"/static/{edition()}/{name}", "pages": PAGES, "version": __version__}
    return made


def _template(name: str) -> str:
    return HERE.joinpath("templates", name).read_text(encoding="utf-8")


def rate(value: float | None) -> str:
    """A rate or share in per cent, with two digits that count: 0.4 %, 12 %, 0.083 %."""
    return "not known" if value is None else per_cent(value)


def when(value: float | str | None) -> Markup:
    """An instant, seconds since 1970 or ISO 8601, as an element of the page, in UTC until the browser knows better."""
    if value is None or value == "":
        return Markup("not known")
    try:
        instant = datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return escape(str(value))
    return Markup('<time datetime="{}">{}</time>').format(instant.isoformat(timespec="seconds"), f"{instant:%Y-%m-%d %H:%M} UTC")


def day(value: float | None) -> str:
    """The day of an instant."""
    return "" if value is None else f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"


def plural(count: int, word: str, many: str = "") -> str:
    """2 walks, 1 walk."""
    return f"{count:,} {word if count == 1 else many or word + 's'}"


def shared(value: float) -> str:
    """A distance or score, with three digits."""
    return f"{value:.3g}"
