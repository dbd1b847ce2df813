"""The house keeps its one-way flow, finds its plug-ins, and starts fast."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gaitbridge import plugins
from gaitbridge.conventions import CONDITIONS
from gaitbridge.errors import UserError

PACKAGE = Path(__file__).parents[1] / "src" / "gaitbridge"
ORDER = (
    "errors", "machine", "printing", "names", "folders", "documents", "files", "foreign_pickles", "config", "progress", "workers", "types",
    "conventions", "plugin_files", "plugins", "clouds", "parts", "store_notes", "store", "store_parts", "store_plans", "run_documents",
    "geometry", "walks", "simulation", "capture", "data", "models", "losses", "methods",
    "evaluation", "training", "gallery", "inference", "service", "report", "launchers", "contracts", "cli", "__main__",
)


def imports(file: Path) -> set[str]:
    """The rooms of gaitbridge that a file imports from, at the top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gaitbridge."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.module == "gaitbridge":
            found |= {alias.name for alias in node.names if alias.name in ORDER}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("gaitbridge.")}
    return found


def test_every_room_is_in_the_order() -> None:
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path.is_dir() and (path / "__init__.py").exists())}
    assert rooms - set(ORDER) - {"__init__"} == set()


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(file: Path) -> None:
    room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__" or file.name == "recipes.py":
        return  # the package's lazy front door, and recipes, which compose across rooms
    later = {other for other in imports(file) if ORDER.index(other) > ORDER.index(room)}
    assert not later, f"{file.relative_to(PACKAGE)} imports from {later}, which come after {room}"
    if room == "data":
        assert not {"simulation", "capture"} & imports(file), "data meets simulation and capture only in the store"
    if room == "report":
        assert not {"models", "methods", "training"} & imports(file), "the report reads results, never a model"


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_all_printing_passes_one_place(file: Path) -> None:
    if file.name == "printing.py":
        return
    for node in ast.walk(ast.parse(file.read_text())):
        assert not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"), "print by gaitbridge.printing"
        names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom | ast.Import) else set()
        typed = isinstance(node, ast.ImportFrom) and node.module == "rich.console" and "TYPE_CHECKING" in file.read_text()
        assert "Console" not in names or typed, "consoles are made by gaitbridge.printing: on others names are markup"


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_text_files_say_their_encoding(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("read_text", "write_text"):
            named = any(keyword.arg == "encoding" for keyword in node.keywords)
            assert named, f"{file.name}:{node.lineno}: without encoding=\"utf-8\" it is the machine's, which may lack our letters"


def test_files_and_folders_are_made_in_one_way() -> None:
    """What a kill leaves is found and removed only where it is named and locked as `files` does it."""
    own_way = re.compile(r"os\.(replace|rename)\(|\.rename\(|\bmkdtemp\b|NamedTemporaryFile|TemporaryDirectory|\.part[\"']")
    found = [str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if file.name != "files.py" and own_way.search(file.read_text())]
    assert found == [], "use gaitbridge.files"


def test_a_folder_is_the_registry() -> None:
    assert "diffcrossgait" in plugins.names("gaitbridge.methods")
    assert set(CONDITIONS) == set(plugins.names("gaitbridge.simulation.conditions"))  # and private files are no plug-ins
    with pytest.raises(UserError, match="did you mean 'diffcrossgait'"):
        plugins.load("gaitbridge.methods", "difcrossgait")


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = ("torch", "pyarrow", "plotly", "anny", "lightning", "matplotlib", "cv2", "av", "lancedb", "onnxruntime")
    code = f"import sys, gaitbridge.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["gaitbridge.report.result_tables", "gaitbridge.report.inspect", "gaitbridge.evaluation.scoring.rows"])
def test_a_table_needs_no_network(module: str) -> None:
    """Two seconds of each command that reads and prints."""
    code = f"import sys, {module}; print([m for m in ('torch', 'matplotlib', 'plotly', 'scipy.signal') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_imports_run_in_a_circle() -> None:
    """Whatever a file imports, at the top or inside functions, does not lead back to it."""
    files = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    leads: dict[str, set[str]] = {}
    for name, path in files.items():
        given: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                given |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        leads[name] = given & files.keys() - {name}
    while ends := {name for name, others in leads.items() if not others & leads.keys()}:
        leads = {name: others for name, others in leads.items() if name not in ends}
    assert not leads, f"these import each other, or what does: {sorted(leads)}"


def test_no_two_test_files_have_one_name() -> None:
    """They are imported by name alone: of two that share one, one is not collected."""
    names = [file.name for file in Path(__file__).parent.rglob("test_*.py")]
    assert {name for name in names if names.count(name) > 1} == set()
