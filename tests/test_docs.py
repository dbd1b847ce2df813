"""The documents say what the program does: their commands parse, their links lead somewhere, and they name no one's machine."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from gaitbridge.cli import app, plugged_in

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")])


def commands(page: Path) -> list[str]:
    """Lines of code blocks that call gaitbridge."""
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line.split(" # ")[0] for line in lines if line.startswith("gaitbridge ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_parse(page: Path) -> None:
    for command in commands(page):
        found = app.parse_args(plugged_in(shlex.split(command)[1:])[0], exit_on_error=False, print_error=False)[0]
        assert found.__module__.startswith("gaitbridge.cli."), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_else_is_run_is_there(page: Path) -> None:
    """Targets of make, scripts, extras, and gaitbridge under torchrun."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    text = page.read_text()
    shown = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
    shell = [line.strip().removeprefix("$ ") for block in shown for line in block.splitlines()]
    quoted = re.findall(r"`((?:make|python|torchrun) [^`]+)`", text)
    for line in [*shell, *quoted]:
        if not line.startswith(("make ", "python ", "torchrun ")):
            continue
        words = [word for word in shlex.split(line, comments=True) if "=" not in word or word.startswith("--")]
        if words[:1] == ["make"] and len(words) > 1:
            assert words[1] in targets, f"{page.name}: make {words[1]}"
        if words[:1] == ["python"] and len(words) > 1 and words[1].endswith(".py"):
            assert (ROOT / words[1]).is_file(), f"{page.name}: {words[1]}"
        if words[:1] == ["torchrun"] and "gaitbridge" in words:
            given = shlex.split(line, comments=True)
            app.parse_args(given[given.index("gaitbridge") + 1 :], exit_on_error=False, print_error=False)
    for named in re.findall(r"gaitbridge\[([a-z,]+)\]", text):
        assert set(named.split(",")) <= extras, f"{page.name}: gaitbridge[{named}]"


def test_the_readme_shows_commands() -> None:
    assert len(commands(ROOT / "README.md")) >= 5
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
    assert not re.search(r"/(?:wor[k]|roo[t])/", page.read_text()), "a path of somebody's machine"


def test_the_ledger_lists_every_entry() -> None:
    listed = re.findall(r"\]\((ledger/[a-z]+\.md)#", (ROOT / "docs" / "experiments.md").read_text())
    for page in (ROOT / "docs" / "ledger").glob("*.md"):
        entries = re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE)
        assert listed.count(f"ledger/{page.name}") == len(entries), f"{page.name}: list its entries in docs/experiments.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pictures_say_what_they_show(page: Path) -> None:
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
        assert len(words) > 5, f"{page.name} shows {target} without words for who cannot see it"


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.webp")), ids=lambda path: path.name)
def test_moving_pictures_move_and_load_fast(picture: Path) -> None:
    assert picture.stat().st_size < 1_500_000
    with Image.open(picture) as opened:
        frames = opened.n_frames  # type: ignore[attr-defined]
        lasts = 0
        for frame in range(frames):
            opened.seek(frame)
            opened.load()
            lasts += opened.info["duration"]
        assert frames > 20
        assert 3_000 < lasts < 15_000
        assert opened.info["loop"] == 0
        assert 700 < opened.width < 1_200
