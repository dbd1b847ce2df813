"""The report of a run: one HTML page that needs no network and no other file."""

from __future__ import annotations

import html
from importlib.resources import files
from pathlib import Path

from gaitbridge import __version__
from gaitbridge.files import written_whole
from gaitbridge.progress import Progress, silent
from gaitbridge.report.files import RunFiles, read_run
from gaitbridge.report.sections import SECTIONS, is_synthetic
from gaitbridge.store import Store

# The browser itself refuses whatever is not in the page. plotly.js makes functions from text, hence unsafe-eval.
POLICY = "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; font-src data:"
# Plots are drawn while the page is still being read, before their neighbours have taken their share of the width.
_FIT = "window.addEventListener('load', () => window.dispatchEvent(new Event('resize')));"


def write_report(run: Path, store: Store | None = None, out: Path | None = None, progress: Progress = silent) -> Path:
    """Write the report of a run folder to `out` (default RUN/report.html), whole or not at all, and return where it lies.

    store: what the run was evaluated on, for the pictures; without it those sections say so. progress: counts sections.
    UserError where the run is none, or where its results are of another store; StoreError where one of its files is damaged.
    """
    found = read_run(Path(run), "" if store is None else store.content_hash)
    target = Path(out) if out is not None else Path(run) / "report.html"
    with written_whole(target) as temporary:
        temporary.write_text(_page(found, store, progress), encoding="utf-8", errors="backslashreplace")  # names of files may be no UTF-8
    return target


def _page(run: RunFiles, store: Store | None, progress: Progress) -> str:
    from plotly.offline import get_plotlyjs

    title = html.escape(run.path.resolve().name)
    style = files("gaitbridge.report").joinpath("style.css").read_text(encoding="utf-8")
    shown = [section for section in SECTIONS if section.applies(run)]
    links = "".join(f'<a href="#{section.anchor}">{html.escape(section.heading)}</a>' for section in shown)
    made = []
    for number, section in enumerate(shown):
        progress(number, len(shown), section.heading)
        made.append(f'<section id="{section.anchor}"><h2>{html.escape(section.heading)}</h2>{section.make(run, store)}</section>')
    progress(len(shown), len(shown), "")
    body = "\n".join(made)
    kind = "results on synthetic walkers" if is_synthetic(run, store) else "results"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{title} - Gaitbridge</title><style>{style}</style><script>{get_plotlyjs()}</script></head>
<body><header><h1>{title}</h1><p class="soft">Gaitbridge: people recognised by how they walk, across cameras and LiDARs; {kind}</p></header>
<nav><div>{links}</div></nav><main>
{body}
</main><footer>Written by Gaitbridge {__version__}.</footer>
<script>{_FIT}</script></body></html>
"""
