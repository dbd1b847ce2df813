"""The preview as one page that needs nothing beside it: the film, the counts, the silhouettes of each sequence."""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

from gaitbridge.capture.video.sheet import contact_sheet

_STYLE = ("body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}"
          "video,img{max-width:100%;height:auto}td{padding:.1rem 1rem .1rem 0}td:last-child{text-align:right;font-variant-numeric:tabular-nums}"
          "@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}}")


def preview_page(name: str, movie: bytes, found: dict[str, Any], counts: Sequence[tuple[str, int]]) -> str:
    """HTML of the file `name`: movie as MP4 bytes, found as `reader.read_video` gives it, counts (what, how many)."""
    runs = [(track, run) for track in found["tracks"] for run in track["runs"]]
    rows = "".join(f"<tr><td>{html.escape(what)}</td><td>{count:,}</td></tr>" for what, count in counts)
    sheet = ""
    if runs:
        first = found["first_s"]
        names = [f"track {track['number'] + 1}, {track['time_s'][run[0]] - first:.1f} s, {len(run)} frames" for track, run in runs]
        picture = base64.b64encode(_png([track["silhouette"][run] for track, run in runs], names)).decode()
        sheet = ('<h2>Silhouettes</h2><p>A row a sequence: its track in the film, when it begins, how many frames.</p>'
                 f'<img alt="Silhouettes, a row a sequence" src="data:image/png;base64,{picture}">')
    title = html.escape(name)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>Capture of {title}</title><style>{_STYLE}</style><h1>Capture of {title}</h1>"
            f'<video controls muted playsinline src="data:video/mp4;base64,{base64.b64encode(movie).decode()}"></video>'
            f"<p>In colour: kept. In grey: kept out, with the reason. {html.escape(_clock(found))}</p><table>{rows}</table>{sheet}</html>\n")


def _clock(found: dict[str, Any]) -> str:
    """By what the times on this page and in the film count."""
    words = ["Times count from the film's first picture"]
    if abs(found["first_s"]) > 0.005:
        words.append(f"which is at {found['first_s']:.2f} s by its own clock")
    if found["parts"] > 1:
        words.append(f"and go on where that was set back ({found['parts']} parts)")
    return ", ".join(words) + "."


def _png(sequences: list[Any], names: list[str]) -> bytes:
    from matplotlib import image

    file = io.BytesIO()
    image.imsave(file, contact_sheet(sequences, names), format="png", cmap="gray", vmin=0, vmax=255)
    return file.getvalue()
