"""The documentation site: its pages are gathered, its links lead somewhere, its Python runs, its notebooks run, its figures are what draws them."""

import ast
import importlib
import inspect
import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import formulas
import matplotlib
import matplotlib.pyplot as plt
import pytest
import site_source
from small_run import small_run

import gaitbridge
from gaitbridge.data import importing
from gaitbridge.inference.loading import load
from gaitbridge.store import Store

ROOT = Path(__file__).parents[1]
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")])
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.ipynb"))
EXTERNAL = re.compile(r"""(?:src|href)=["']?(https?://[^"' >]+)""")


def blocks(page: Path) -> list[str]:
    """The Python of a page."""
    return PYTHON.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: str(page.relative_to(ROOT)))
def test_python_on_pages_is_python_and_what_it_imports_is_there(page: Path) -> None:
    for block in blocks(page):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gaitbridge":
                module = importlib.import_module(str(node.module))
                lacking = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not lacking, f"{page.name}: {node.module} has no {', '.join(lacking)}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "gaitbridge":
                assert hasattr(gaitbridge, node.attr), f"{page.name}: there is no gaitbridge.{node.attr}"


@pytest.fixture(scope="module")
def place(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pages name: stores, a run, a gallery."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("people", "cameras"):
        shutil.copytree(toy_store.path, folder / name)
    model = load(small_run(toy_store, folder / "run"))
    gallery = gaitbridge.create_gallery(str(folder / "known"), model)
    gallery.enrol(*gaitbridge.stored_walks(model, toy_store, "camera", toy_store.select(split="test"), least_quality=0))
    return folder


RUN = [("start.md", "of 26"), ("recognise.md", "p00"), ("train.md", "camera camera "), ("bring.md", "ben/normal-1/090")]


@pytest.mark.parametrize(("page", "said"), RUN)
def test_the_lines_of_a_page_run(page: str, said: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(place)
    shorter = {"steps=300": "steps=2", '"cameras"), "camera")': '"cameras"), "camera", least_quality=0)',  # toys are no walkers
               "model.embed(": "model.embed_stored("}
    names: dict[str, object] = {}
    for block in blocks(ROOT / "docs" / page):
        for long, short in shorter.items():
            block = block.replace(long, short)
        exec(compile(block, page, "exec"), names)
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_and_hold_no_outputs(notebook: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matplotlib.use("Agg")
    names: dict[str, object] = {}
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            exec(compile("".join(cell["source"]), f"{notebook.name}[{number}]", "exec"), names)
    assert "simulated people" in capsys.readouterr().out or "centre_loss" in names
    plt.close("all")


def test_a_new_loss_is_about_thirty_lines() -> None:
    cells = json.loads((ROOT / "docs/notebooks/a_new_loss.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [line for cell in cells[:7] if cell["cell_type"] == "code" for line in "".join(cell["source"]).splitlines() if line.strip()]
    assert len(code) <= 36, "the loss, its twin and its objective"


def test_every_page_and_every_entry_of_the_navigation() -> None:
    known = site_source.pages()
    nav = site_source.settings()["nav"]
    named = [entry for entry in site_source.named(nav) if not entry.endswith("/*")]
    assert len(set(named)) == len(named)
    assert not set(named) - {*known.values(), "commands.md"}, "entries of mkdocs.yml without a page"
    for file in known:
        text = site_source.notebook_page(ROOT / file) if file.endswith(".ipynb") else (ROOT / file).read_text(encoding="utf-8")
        site_source.moved_links(text, file, known)


def test_a_link_that_leads_nowhere_is_named() -> None:
    known = site_source.pages()
    with pytest.raises(site_source.BadLink, match=r"docs/start\.md links to recieve\.md"):
        site_source.moved_links("see [this](recieve.md)", "docs/start.md", known)
    moved, along = site_source.moved_links("[a](gallery.md#thresholds) `[b](no.md)` [c](../NOTICE) [d](../README.md)", "docs/start.md", known)
    assert moved == "[a](gallery.md#thresholds) `[b](no.md)` [c](files/NOTICE.txt) [d](index.md)"
    assert along == {"NOTICE"}


def test_formulas_become_pictures_that_markdown_leaves_alone() -> None:
    made = formulas.with_formulas("a $`x_0^m`$ b\n```math\n\\sqrt{z_t} * [a]\n```\n")
    assert made.count("<svg") == made.count("<path") == 2
    assert '<div class="formula">' in made
    assert not set("*_`[]") & set(made)
    with pytest.raises(ValueError, match="Unknown symbol"):
        formulas.with_formulas("$`\\nosuchthing`$")


def test_lists_stand_apart_from_the_text_before_them() -> None:
    items = "- one\n- two\n  more\n- three\n"
    assert site_source.with_lists_apart(f"words:\n{items}| a |\n|---|") == f"words:\n\n{items}\n| a |\n|---|"


def test_short_code_stays_on_one_line() -> None:
    long = "`gaitbridge capture video` ``a ` b``"
    made = site_source.with_words_whole(f"# `head`\n| `--out`, `a`{long} | [`x.py`](y) |\n```sh\necho `date`\n```\n")
    assert made == f"# `head`\n| `--out`{{: .whole }}, `a`{long} | [`x.py`{{: .whole }}](y) |\n```sh\necho `date`\n```\n"


def test_figures_are_what_the_script_draws() -> None:
    for name, draw in runpy.run_path(str(ROOT / "docs/figures/draw.py"))["FIGURES"].items():
        assert (ROOT / "docs/figures" / name).read_text(encoding="utf-8") == draw(), "python docs/figures/draw.py"


def test_the_site_builds_strictly_and_takes_nothing_from_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the site's tools are not installed: pip install 'gaitbridge[docs]'")
    site_source.gather(tmp_path / "source")
    made = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--config-file", tmp_path / "mkdocs.yml"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr[-3000:]
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 50
    for page in pages:
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", page.read_text(encoding="utf-8")):
            assert not EXTERNAL.search(tag), f"{page.name} fetches {tag}"
    api = (tmp_path / "site" / "api.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="gaitbridge\.([\w.]+)"', api))
    assert {name for name in shown if "." not in name} == set(gaitbridge.__all__), "docs/api.md shows the names of gaitbridge.__all__"
    assert {name for name in shown if "." in name} == {f"{kind}.{member}" for kind, members in shown_members().items() for member in members}


def shown_members() -> dict[str, list[str]]:
    """By class, the members that docs/api.md shows: what of it is public."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = re.findall(r"^::: gaitbridge\.(\w+)\n    options:\n      members: \[(.*)\]$", page, re.MULTILINE)
    return {name: [member for member in members.split(", ") if member] for name, members in found}


def surface() -> list[str]:
    """The public names: functions with their parameters, classes with their public methods and theirs."""
    def parameters(function: object) -> str:
        return ", ".join(str(one).split(":")[0].split("=")[0].strip() for one in inspect.signature(function).parameters.values())  # type: ignore[arg-type]

    found = []
    for name in gaitbridge.__all__:
        value = getattr(gaitbridge, name)
        found.append(f"{name}({parameters(value)})")
        if inspect.isclass(value) and not issubclass(value, Exception):
            members = {member: getattr(value, member) for member in sorted(shown_members()[name])}
            found += [f"{name}.{member}" + (f"({parameters(one)})" if callable(one) else "") for member, one in members.items()]
    for name in importing.__all__:
        value = getattr(importing, name)
        found.append(f"data.importing.{name}" + ("" if name in ("Arrays", "Importer") else f"({parameters(value)})"))
        if name in ("Reading", "Place"):
            members = {member: one for member, one in vars(value).items() if not member.startswith("_") and inspect.isfunction(one)}
            found += [f"data.importing.{name}.{member}({parameters(one)})" for member, one in members.items()]
    return found


def test_the_public_surface_stays() -> None:
    """What others call. A line that goes or changes breaks them: deprecate it first; a new one is added to the list."""
    kept = (Path(__file__).parent / "public_surface.txt").read_text(encoding="utf-8").splitlines()
    assert surface() == kept, "tests/public_surface.txt lists the public names: python tests/test_site.py prints them"


if __name__ == "__main__":
    print("\n".join(surface()))
