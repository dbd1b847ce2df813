"""Formulas of the pages, drawn by Matplotlib: LaTeX to SVG in the text's colour, so that no script and no font of the reader's is needed."""

import re
from functools import cache
from xml.sax.saxutils import quoteattr

import numpy as np

BLOCK = re.compile(r"^```math\n(.*?)^```[ ]*$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"\$`([^`]+)`\$")
SIZE = 100.0  # units an em
EM = 1.12  # of the text's: its letters are small beside a sans-serif's
WORDS = {r"\lVert": r"\|", r"\rVert": r"\|", r"\lvert": "|", r"\rvert": "|", r"\le": r"\leq", r"\ge": r"\geq"}  # what Matplotlib calls otherwise


@cache
def drawn(latex: str) -> str:
    """A formula as an SVG that stands on the line of the text about it; ValueError where it is none that Matplotlib knows."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser
    from matplotlib.textpath import TextPath

    text = re.sub(r"\\[A-Za-z]+", lambda found: WORDS.get(found.group(), found.group()), " ".join(latex.split()))
    font = FontProperties(size=SIZE, math_fontfamily="stix")
    size = MathTextParser("path").parse(f"${text}$", 72, font)
    width, height, depth = float(size.width), float(size.height), float(size.depth)  # height: from the lowest to the highest
    path = TextPath((0, depth), f"${text}$", size=SIZE, prop=font)
    pad = 4.0
    box = f"0 {-pad:g} {width:.1f} {height + 2 * pad:.1f}"
    style = f"width:{EM * width / SIZE:.3f}em;height:{EM * (height + 2 * pad) / SIZE:.3f}em;vertical-align:{-EM * (depth + pad) / SIZE:.3f}em"
    return (f'<svg class="formula" role="img" aria-label={quoteattr(text)} viewBox="{box}" style="{style}" fill="currentColor">'
            f'<path d="{_outline(path.vertices, path.codes, height)}"/></svg>')


def _outline(points: np.ndarray, codes: np.ndarray, height: float) -> str:
    """A path of Matplotlib's as SVG has them; its y falls."""
    letters, parts, left = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}, [], 0
    for (x, y), code in zip(points, codes, strict=True):
        if code == 79:
            parts.append("Z")
            continue
        parts.append(f"{letters[int(code)] if not left else ' '}{x:.1f} {height - y:.1f}")
        left = left - 1 if left else int(code) - 2 if code > 2 else 0
    return "".join(parts)


def with_formulas(text: str) -> str:
    """```math blocks and $`inline`$ formulas, which code hosts draw, as pictures."""
    def safe(latex: str) -> str:
        return re.sub(r"[*_`\[\]\\]", lambda found: f"&#{ord(found.group())};", drawn(latex))  # no mark of Markdown's

    text = BLOCK.sub(lambda found: f'<div class="formula">{safe(found.group(1).replace("frac", "dfrac"))}</div>', text)
    return INLINE.sub(lambda found: f"<span>{safe(found.group(1))}</span>", text)
