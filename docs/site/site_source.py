"""Gathers the documentation site's pages: `python docs/site/site_source.py OUT`, which `make docs` calls before MkDocs.

Pages stay where they are read on a code host: docs/, the methods' READMEs, CONTRIBUTING.md. Here they are copied beside one another, links between
them follow, files that they link to come along, formulas become pictures, notebooks and the command line become pages. Nothing comes from elsewhere.
"""

import json
import os
import posixpath
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from formulas import with_formulas

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"(^ *```.*?^ *```[ ]*$)", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"(`[^`\n]*`)")
LINK = re.compile(r"(?<=\]\()([^)\s]+)(?=[)\s])")
SHORT = re.compile(r"(?<!`)(`[^`\s|]{2,20}`)(?!`|\{:)")
ITEM = re.compile(r"^ *(?:[-*+]|\d+\.) ")


class BadLink(ValueError):
    """A link that leads nowhere."""


def pages(root: Path = ROOT) -> dict[str, str]:
    """The site's pages: the file in the repository to the page's place in the site."""
    found = {path.relative_to(root).as_posix(): path.relative_to(root / "docs").as_posix() for path in sorted(root.glob("docs/**/*.md"))}
    found |= {path.relative_to(root).as_posix(): path.relative_to(root / "docs").with_suffix(".md").as_posix()
              for path in sorted(root.glob("docs/notebooks/*.ipynb"))}
    found |= {f"src/gaitbridge/methods/{path.parent.name}/README.md": f"networks/{path.parent.name}.md"
              for path in sorted(root.glob("src/gaitbridge/methods/*/README.md"))}
    return found | {"CONTRIBUTING.md": "contributing.md", "benchmarks/film/README.md": "film.md"}


def moved_links(text: str, file: str, known: dict[str, str], root: Path = ROOT) -> tuple[str, set[str]]:
    """A page's text with links as they are in the site, and the files that must come along. BadLink names a link that leads nowhere."""
    along: set[str] = set()

    def moved(match: re.Match[str]) -> str:
        address = match.group(1)
        if re.match(r"[a-z]+:|#", address):
            return address
        target, _, anchor = address.partition("#")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
        if place == "README.md":
            page = "index.md"
        elif f"{place}/README.md" in known:
            page = known[f"{place}/README.md"]
        elif place in known:
            page = known[place]
        elif (root / place).is_file():
            along.add(place)
            page = site_place(place)
        else:
            raise BadLink(f"{file} links to {address}: there is no {place}, or it is a folder")
        relative = posixpath.relpath(page, posixpath.dirname(known[file]) or ".")
        return f"{relative}#{anchor}" if anchor else relative

    def outside_code(part: str) -> str:
        return "".join(piece if piece.startswith("`") else LINK.sub(moved, piece) for piece in CODE.split(part))

    parts = [part if part.lstrip().startswith("```") else outside_code(part) for part in FENCED.split(text)]
    return "".join(parts), along


def site_place(place: str) -> str:
    """Where a file that is linked to lies in the site: pictures as they did, others as text that a browser shows."""
    if place.startswith("docs/"):
        return place.removeprefix("docs/")
    return f"files/{place}" if Path(place).suffix in (".md", ".png", ".webp", ".svg") else f"files/{place}.txt"


def with_lists_apart(text: str) -> str:
    """Blank lines before lists and tables that follow a line of text, and nested items four blanks in, as Python-Markdown wants them."""
    result: list[str] = []
    for part in FENCED.split(text):
        if part.lstrip().startswith("```"):
            result.append(part)
            continue
        lines: list[str] = []
        for line in part.split("\n"):
            before = lines[-1] if lines else ""
            begins_list = ITEM.match(line) and not line.startswith("    ") and not ITEM.match(before) and not before.startswith("  ")
            begins_table = line.startswith("|") and not before.startswith("|")
            if before.strip() and (begins_list or begins_table):
                lines.append("")
            lines.append(line)
        result.append("\n".join(lines))
    return "".join(result)


def with_words_whole(text: str) -> str:
    """Short code between words is marked `whole`, which style/site.css keeps on one line: browsers break `--out` after a hyphen."""
    def outside_heads(part: str) -> str:
        return "\n".join(line if line.startswith("#") else SHORT.sub(r"\1{: .whole }", line) for line in part.split("\n"))

    return "".join(part if part.lstrip().startswith("```") else outside_heads(part) for part in FENCED.split(text))


def notebook_page(file: Path) -> str:
    """A notebook as a page: its words and its code, without outputs, and the notebook itself to take along."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    parts = ["".join(cell["source"]) if cell["cell_type"] == "markdown" else "```python\n" + "".join(cell["source"]) + "\n```" for cell in cells]
    return "\n\n".join([parts[0], f"As a notebook: [{file.name}]({file.name}).", *parts[1:]]) + "\n"


def command_page() -> str:
    """Every command with its options, as `--help` has them."""
    from gaitbridge.cli import app

    text: str = app.generate_docs()
    head, _, rest = text.partition("## Table of Contents")
    listed = rest.partition("**Commands**")
    said = "Every command and option, as `gaitbridge COMMAND --help` prints them."
    shown = head.partition("\n")[2]
    return f"# The command line\n{shown}{said}\n\n**Commands**{listed[2]}"


def navigation(nav: list[Any], known: dict[str, str]) -> list[Any]:
    """The navigation of mkdocs.yml: an entry `FOLDER/*` stands for the pages in it that stand nowhere else; those that stand nowhere come last."""
    standing = set(named(nav))
    places = sorted({*known.values(), "commands.md"} - standing)

    def expanded(entries: list[Any]) -> list[Any]:
        result: list[Any] = []
        for entry in entries:
            if isinstance(entry, str) and entry.endswith("/*"):
                taken = [place for place in places if place.startswith(entry[:-1])]
                places[:] = [place for place in places if place not in taken]
                result += taken
            elif isinstance(entry, dict):
                result.append({title: expanded(value) if isinstance(value, list) else value for title, value in entry.items()})
            else:
                result.append(entry)
        return result

    made = expanded(nav)
    return [*made, {"More": places}] if places else made


def named(nav: list[Any]) -> list[str]:
    """The pages that a navigation names."""
    found: list[str] = []
    for entry in nav:
        values = list(entry.values()) if isinstance(entry, dict) else [entry]
        for value in values:
            found += named(value) if isinstance(value, list) else [value]
    return found


def settings(root: Path = ROOT) -> dict[str, Any]:
    """mkdocs.yml, tags of Python objects left aside."""
    class Plain(yaml.SafeLoader):
        """YAML alone."""

    Plain.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: suffix)
    loaded: dict[str, Any] = yaml.load((root / "mkdocs.yml").read_text(encoding="utf-8"), Plain)
    return loaded


def gather(out: Path, root: Path = ROOT) -> None:
    """Write the site's source to a folder, anew, and beside it the settings that MkDocs is to build by."""
    known, along = pages(root), set[str]()
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(root / "docs", out, ignore=shutil.ignore_patterns("site", "*.py", "*.csv", "*.md", "__pycache__"))
    for file, place in known.items():
        text = notebook_page(root / file) if file.endswith(".ipynb") else (root / file).read_text(encoding="utf-8")
        text, more = moved_links(text, file, known, root)
        along |= more
        (out / place).parent.mkdir(parents=True, exist_ok=True)
        (out / place).write_text(with_words_whole(with_lists_apart(with_formulas(text))), encoding="utf-8")
    (out / "commands.md").write_text(command_page(), encoding="utf-8")
    for file in along:
        (out / site_place(file)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / file, out / site_place(file))
    shutil.copytree(root / "docs" / "site" / "style", out / "style")
    nav = navigation(settings(root)["nav"], known)
    relative = os.path.relpath(root / "mkdocs.yml", out.parent)
    made = {"INHERIT": relative, "docs_dir": out.name, "site_dir": "site", "nav": nav}
    (out.parent / "mkdocs.yml").write_text(json.dumps(made, indent=1), encoding="utf-8")


if __name__ == "__main__":
    gather(Path(sys.argv[1]))
