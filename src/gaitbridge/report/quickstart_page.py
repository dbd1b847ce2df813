"""The page of `gaitbridge quickstart`: each walker of the film beside the silhouettes, whom the gallery named, and that one's ranges."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.files import written_whole
from gaitbridge.printing import per_cent
from gaitbridge.report.pictures import data_uri, png_bytes, strip
from gaitbridge.store import Store

POLICY = "default-src 'none'; img-src data:; media-src 'self' file:; style-src 'unsafe-inline'"
FRAMES, SCALE = 6, 2


def write_page(out: Path, film: Path, gate: Store, yard: Store, answers: Sequence[Mapping[str, Any]], enrolled: Mapping[str, str],
               reject: float, measured: str) -> Path:  # fmt: skip
    """Write it. answers: of each track its `numbers` in `gate`, `picture` (uint8 [H, W, 3] of the film, or None), `decision`, `truth`, `start_s`,
    `rate`, `nearest`, `provenance`, `warnings`; enrolled: their tracks in `yard` by name; measured: how often answers are
    right, over many such films."""
    style = files("gaitbridge.report").joinpath("style.css").read_text(encoding="utf-8")
    ranges = {name: _strip(yard, next(at for at, row in enumerate(yard.rows) if row["person"] == track), "range_views")
              for name, track in enrolled.items() if track}  # fmt: skip
    right = sum(one["decision"] == one["truth"] for one in answers)
    cards = "\n".join(_card(gate, one, ranges) for one in answers)
    known = "\n".join(f'<figure><img src="{picture}" alt="range views of {html.escape(name)}"><figcaption>{html.escape(name)}, as the LiDAR saw '
                      "the walk that was enrolled</figcaption></figure>" for name, picture in ranges.items())  # fmt: skip
    about = html.escape("; ".join(sorted({one["provenance"] for one in answers} | {said for one in answers for said in one["warnings"]})))
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>Gaitbridge: quickstart</title><style>{style}
video {{ width: 100%; max-width: 640px; border-radius: 10px; }}
.found img {{ image-rendering: pixelated; display: block; margin: 4px 0; max-width: 100%; }} .found img.film {{ image-rendering: auto; width: 100%; }}
.yes {{ color: var(--right); }} .no {{ color: var(--wrong); }}</style></head>
<body><header><h1>Enrolled by a LiDAR, found by a camera</h1>
<p class="soft">Simulated people, the commands of every day. {right} of {len(answers)} answers are right here, at a stated
{100 * reject:g} % of strangers named. As a rule it goes less well: {html.escape(measured)}.</p></header><main>
<section><h2>The film</h2><video src="{html.escape(film.name)}" controls muted loop></video></section>
<section><h2>Who passed the camera</h2><div class="walkers found">{cards}</div></section>
<section><h2>Who is enrolled</h2><div class="walkers found">{known}</div></section>
<section><h2>What the rates rest on</h2><p class="soft">{about}</p></section>
</main></body></html>
"""
    with written_whole(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return out


def _strip(store: Store, number: int, modality: str) -> str:
    return data_uri(png_bytes(strip(store, number, modality, count=FRAMES), SCALE))


def _card(gate: Store, one: Mapping[str, Any], ranges: Mapping[str, str]) -> str:
    """One walker: a picture of the film, silhouettes, the answer and the truth."""
    said, truth = one["decision"] or "nobody", one["truth"] or "nobody who is enrolled"
    right = one["decision"] == one["truth"]
    nearest = ", ".join(f"{name} {distance:.3f}" for name, distance in one["nearest"])
    ranged = ranges.get(one["nearest"][0][0], "") if one["nearest"] else ""
    shown = f'<img src="{ranged}" alt="range views of the nearest who is enrolled">' if ranged else ""
    silhouettes = _strip(gate, one["numbers"][0], "silhouettes")
    mark = '<span class="yes">(right)</span>' if right else f'<span class="no">(wrong: it is {html.escape(truth)})</span>'
    rate = f"a stranger comes so near in {per_cent(one['rate'])} of searches"
    return (f'<figure><h3>{html.escape(said)} {mark}</h3>{_filmed(one.get("picture"))}<img src="{silhouettes}" alt="silhouettes of a walker">{shown}'
            f'<figcaption>at {one["start_s"]:.1f} s; nearest: {html.escape(nearest)}; {rate}</figcaption></figure>')  # fmt: skip


def _filmed(picture: np.ndarray | None) -> str:
    """The picture of a film uint8 [H, W, 3] as an image of the page."""
    if picture is None:
        return ""
    opaque = np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    return f'<img class="film" src="{data_uri(png_bytes(opaque))}" alt="a walker in the film">'
