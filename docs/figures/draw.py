"""Draws the methods' figures, as SVG: `python docs/figures/draw.py`. Boxes, arrows and words; a test holds the files to what this makes."""

from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
DEPLOYED, TRAINING, DATA = ("#e0f2f1", "#00796b"), ("#fff3e0", "#e65100"), ("#eceff1", "#455a64")
STYLE = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif"


class Drawing:
    """Shapes on a ground of so many units, white, so that it shows in the dark as well."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" style="{STYLE}">',
                      f"<title>{escape(title)}</title>",
                      '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
                      '<path d="M0 0L8 4L0 8z" fill="#455a64"/></marker></defs>',
                      f'<rect width="{width}" height="{height}" fill="#fff"/>']

    def box(self, x: float, y: float, width: float, height: float, words: str, kind: tuple[str, str], small: str = "") -> None:
        """A box with its words in the middle, and smaller ones below them."""
        fill, stroke = kind
        dash = ' stroke-dasharray="6 4"' if kind == TRAINING else ""
        place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="8"'
        self.parts.append(f'<rect {place} fill="{fill}" stroke="{stroke}" stroke-width="1.6"{dash}/>')
        lines = words.split("\n")
        top = y + height / 2 - 9 * (len(lines) - 1) - (8 if small else 0)
        for number, line in enumerate(lines):
            self.words(x + width / 2, top + 18 * number + 5, line, 15, "#102027")
        for number, line in enumerate(small.split("\n") if small else []):
            self.words(x + width / 2, top + 18 * len(lines) + 15 * number + 4, line, 12, "#455a64")

    def words(self, x: float, y: float, text: str, size: int = 13, colour: str = "#455a64", anchor: str = "middle") -> None:
        """A line of text."""
        self.parts.append(f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>')

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        """A line through these points, with a tip at its end."""
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<path d="{path}" fill="none" stroke="#455a64" stroke-width="1.5" marker-end="url(#tip)"{dash}/>')

    def legend(self, x: float, y: float) -> None:
        """What the two kinds of boxes are."""
        for number, (kind, words) in enumerate(((DEPLOYED, "runs at inference"), (TRAINING, "in training only"))):
            self.box(x + 190 * number, y, 24, 16, "", kind)
            self.words(x + 190 * number + 32, y + 13, words, 13, anchor="start")

    def text(self) -> str:
        """The file's content."""
        return "\n".join([*self.parts, "</svg>"]) + "\n"


def diffcrossgait() -> str:
    """Two encoders and a head; the trajectory with its three phases."""
    d = Drawing(960, 500, "DiffCrossGait: encoders and head, and the denoising trajectory of training")
    d.box(20, 40, 130, 60, "silhouettes", DATA, "camera")
    d.box(20, 150, 130, 60, "range views", DATA, "LiDAR")
    d.box(200, 40, 150, 60, "encoder 2d", DEPLOYED)
    d.box(200, 150, 150, 60, "encoder 3d", DEPLOYED)
    d.box(420, 90, 130, 70, "shared head", DEPLOYED, "one for both")
    d.box(620, 90, 150, 70, "embeddings", DATA, "[N, C, K]")
    d.box(820, 90, 120, 70, "identity,\ncontrast", TRAINING)
    for y in (70, 180):
        d.arrow((150, y), (200, y))
        d.arrow((350, y), (385, y), (385, 125), (420, 125))
    d.arrow((550, 125), (620, 125))
    d.arrow((770, 125), (820, 125), dashed=True)
    d.box(180, 270, 170, 60, "clean latents", TRAINING, "z₀ of 2d and 3d")
    d.arrow((265, 210), (265, 270), dashed=True)
    d.box(20, 270, 110, 60, "one noise ε,\none step t", TRAINING)
    d.box(420, 270, 130, 60, "noisy latents", TRAINING, "z t of 2d and 3d")
    d.arrow((350, 300), (420, 300), dashed=True)
    d.arrow((75, 330), (75, 352), (400, 352), (400, 312), (420, 312), dashed=True)
    d.box(620, 270, 150, 60, "one denoiser", TRAINING, "U-Net over the parts")
    d.arrow((550, 300), (620, 300), dashed=True)
    d.box(820, 270, 120, 60, "recovered ẑ₀,\nnoise, middle", TRAINING)
    d.arrow((770, 300), (820, 300), dashed=True)
    phases = (("1  identity anchoring", "ẑ₀ tells who it is, both agree", 20, 250, "t ≤ 30"),
              ("2  dynamics consistency", "ẑ₀, noise and steps agree", 290, 290, "30 < t ≤ 65"),
              ("3  structural recoverability", "each z₀ from the other's middle", 600, 340, "t > 65"))
    for words, small, x, width, when in phases:
        d.box(x, 385, width, 60, words, TRAINING, small)
        d.words(x + width / 2, 462, when)
    d.arrow((880, 330), (880, 368), (145, 368), (145, 385), dashed=True)
    d.arrow((435, 368), (435, 385), dashed=True)
    d.arrow((770, 368), (770, 385), dashed=True)
    d.words(60, 462, "low noise")
    d.words(905, 462, "high noise")
    d.legend(20, 476)
    return d.text()


def meshgait() -> str:
    """Stem, two branches, fusion; what is read off the heatmaps."""
    d = Drawing(960, 425, "Mesh-Gait: a stem, a 2D and a 3D branch, fusion, and what teaches the heatmaps")
    d.box(20, 110, 120, 60, "silhouettes", DATA, "[N, T, H, W]")
    d.box(180, 110, 90, 60, "stem", DEPLOYED)
    d.box(320, 50, 150, 60, "2D branch", DEPLOYED, "stages 3 and 4")
    d.box(320, 180, 150, 60, "3D branch", DEPLOYED, "heatmaps of joints")
    d.box(530, 110, 100, 60, "fusion", DEPLOYED)
    d.box(680, 110, 120, 60, "pooling, head", DEPLOYED, "over time, strips")
    d.box(836, 110, 112, 60, "embeddings", DATA, "[N, C, K]")
    d.arrow((140, 140), (180, 140))
    d.arrow((270, 140), (295, 140), (295, 80), (320, 80))
    d.arrow((270, 140), (295, 140), (295, 210), (320, 210))
    d.arrow((470, 80), (500, 80), (500, 130), (530, 130))
    d.arrow((470, 200), (500, 200), (500, 150), (530, 150))
    d.arrow((630, 140), (680, 140))
    d.arrow((800, 140), (836, 140))
    d.box(320, 300, 150, 60, "places", TRAINING, "means of heatmaps")
    d.arrow((395, 240), (395, 300), dashed=True)
    d.box(530, 300, 130, 60, "joints,\nmarkers", TRAINING)
    d.box(720, 300, 90, 60, "mesh", TRAINING, "A · markers")
    d.box(860, 300, 80, 60, "truth", DATA, "3D body")
    d.box(20, 300, 250, 60, "cells about the true place", TRAINING, "cross-entropy of each heatmap")
    d.arrow((320, 225), (145, 225), (145, 300), dashed=True)
    d.arrow((470, 330), (530, 330), dashed=True)
    d.arrow((660, 330), (720, 330), dashed=True)
    d.arrow((860, 330), (810, 330), dashed=True)
    d.arrow((900, 300), (900, 268), (595, 268), (595, 300), dashed=True)
    d.box(840, 30, 100, 44, "identity", TRAINING)
    d.arrow((890, 110), (890, 74), dashed=True)
    d.legend(20, 395)
    return d.text()


FIGURES = {"diffcrossgait.svg": diffcrossgait, "meshgait.svg": meshgait}

if __name__ == "__main__":
    for name, draw in FIGURES.items():
        (HERE / name).write_text(draw(), encoding="utf-8")
