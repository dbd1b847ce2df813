"""Plug-ins of one's own: found by --plugin, by the environment and by installed packages, held to the contracts, and named where they are broken."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from plug_in import FILES, written

from gaitbridge import plugins
from gaitbridge.cli import main
from gaitbridge.data.protocols import PROTOCOLS
from gaitbridge.errors import UserError
from gaitbridge.run_documents import read_config, read_provenance
from gaitbridge.store import Store

SETTINGS = ("--set", "data.people_per_batch=3", "--set", "data.sequences_per_person=2", "--set", "data.frames=2", "--set", "precision=float32",
            "--set", "objective.further.centre=0.5", "--set", 'data.augmentation={"further": {"kerb": 1.0}}')


@pytest.fixture(autouse=True)
def _as_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a plug-in to another."""
    monkeypatch.setenv(plugins.VARIABLE, "")
    known = dict(PROTOCOLS)
    plugins.forget()
    yield
    plugins.forget()
    PROTOCOLS.clear()
    PROTOCOLS.update(known)


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    """What a command prints on standard output, or on standard error where it fails."""
    found, printed = main([str(word) for word in words]), capsys.readouterr()
    assert found == code, printed.err
    return " ".join((printed.err if code else printed.out).split())


def test_a_folder_of_every_kind_keeps_to_the_contracts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "mine")
    shown = said(capsys, "plugins", "check", folder)
    assert "fails" not in shown
    for name in FILES:
        assert f"ok {Path(name).parent}/{Path(name).stem}:" in shown, name
    assert re.search(r"9 contract tests pass; SHA-256 [0-9a-f]{64}", shown)


def test_what_is_given_stands_among_what_is_built_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "mine")
    there = {"recipes": "mean_picture/quick", "studies": "centres: does", "protocols": "bags probe:", "datasets": "Corridor: 2 people"}
    for command, words in there.items():
        assert words in said(capsys, command, "--plugin", folder), command
    assert "losses/centre" in said(capsys, "plugins")


def test_a_run_is_trained_and_evaluated_with_them_and_names_them(toy_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, run = written(tmp_path / "mine"), tmp_path / "run"
    said(capsys, "train", "mean_picture/quick", "--data", toy_store.path, "--out", run, f"--plugin={folder}", *SETTINGS)
    noted = read_provenance(run)["plugins"]
    assert [note["path"] for note in noted] == [str(folder)]
    assert set(noted[0]["gives"]) == {f"{Path(name).parent}/{Path(name).stem}" for name in FILES}
    assert {"triplet", "cross_entropy", "centre"} <= set(json.loads((run / "log.jsonl").read_text().splitlines()[0])["losses"])
    said(capsys, "evaluate", run, "--data", toy_store.path, "--protocol", "bags")
    assert '"bags"' in next(run.rglob("results.json")).read_text()

    (folder / "losses" / "centre.py").write_text(FILES["losses/centre.py"] + "\n# changed\n")
    plugins.forget()
    read_config(run)
    assert "another version of the plug-in" in capsys.readouterr().err
    plugins.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(plugins.VARIABLE, "")
        with pytest.raises(UserError, match=r"needs the plug-in .*mine .*--plugin PATH"):
            read_config(run)


def test_an_importer_imports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "mine", "importers/corridor.py")
    plugins.use([folder])
    plugins.load(plugins.PACKAGES["importers"], "corridor").example(tmp_path / "walks")
    said(capsys, "import", "corridor", tmp_path / "walks", tmp_path / "store", "--workers", "0")
    store = Store(tmp_path / "store")
    assert {row["licence"] for row in store.rows} == {"own data, not to be passed on"}
    assert [note["gives"] for note in store.document["about"]["plugins"]] == [["importers/corridor"]]


def test_an_error_in_its_code_is_its_own_not_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "mine", "importers/corridor.py")
    plugins.use([folder])
    plugins.load(plugins.PACKAGES["importers"], "corridor").example(tmp_path / "walks")
    plugins.forget()
    mistaken = FILES["importers/corridor.py"].replace('"train" if int(person) < 100', '1 / 0 if person')
    (folder / "importers" / "corridor.py").write_text(mistaken)
    line = 1 + mistaken[: mistaken.index("1 / 0")].count("\n")
    words = said(capsys, "import", "corridor", tmp_path / "walks", tmp_path / "store", "--workers", "0", "--plugin", folder, code=2)
    assert re.search(rf"the plug-in .*corridor\.py:{line} failed \(ZeroDivisionError: division by zero", words)


def test_one_file_says_of_what_kind_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pull.py"
    file.write_text('KIND = "losses"\n' + FILES["losses/centre.py"])
    assert "losses/pull" in said(capsys, "plugins", "--plugin", file)
    assert "1 contract tests pass" in said(capsys, "plugins", "check", file)


def test_an_installed_package_gives_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path / "site" / "walking_lab", "losses/centre.py", "protocols/bags.json")
    (tmp_path / "site" / "walking_lab" / "__init__.py").write_text("raise SystemExit('the package itself is not run')\n")
    facts = tmp_path / "site" / "walking_lab-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: walking-lab\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nours = walking_lab\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert "losses/centre, protocols/bags" in said(capsys, "plugins")
    (facts / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nours = walking_house\n")
    plugins.forget()
    assert "the plug-in 'ours' of the installed package walking-lab names no module" in said(capsys, "plugins", code=2)


@pytest.mark.parametrize(("name", "text", "words"), [
    ("losses/cosine.py", "import no_such_package\n", "cosine.py:1 cannot be imported (No module named 'no_such_package')"),
    ("losses/cosine.py", "x = 1\nloss = y\n", "cosine.py:2 cannot be imported (name 'y' is not defined)"),
    ("losses/cosine.py", "def loss(parts:\n", "cosine.py cannot be imported ("),
    ("losses/triplet.py", "", "gives losses/triplet, which is the name of one that is built in"),
    ("losses/my-loss.py", "", "'my-loss' cannot be a name"),
    ("losses/cosine.py", "x = 1\n", "losses/cosine has neither a function loss(parts, people) nor a class Loss"),
    ("augmentations/kerb.py", "x = 1\n", "it has no function augment"),
    ("protocols/bags.json", '{"name": "bags"}', "bags.json"),
    ("studies/own.py", "x = 1\n", "studies/own: arms and their settings"),
    ("loss/own.py", "x = 1\n", "gives nothing: put what it gives in folders called methods, losses"),
])  # fmt: skip
def test_a_broken_one_is_named_with_its_place(name: str, text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    code, printed = main(["plugins", "check", str(tmp_path / "mine")]), capsys.readouterr()
    assert code == 2
    assert words in " ".join((printed.out + printed.err).split())
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(("name", "old", "new", "words"), [
    ("losses/centre.py", ".mean()", ".mean(1)", "it gives [6], not one number"),
    ("losses/centre.py", ".square().mean()", ".square().mean().detach()", "no gradient"),
    ("augmentations/kerb.py", "array.copy()", "array", "it changes the pictures that it was given"),
    ("augmentations/kerb.py", "random.integers(1, 9)", "__import__('secrets').randbelow(32) + 1", "other pictures for the same draws"),
    ("importers/corridor.py", "own data, not to be passed on", " ", "DATASET says no licence"),
    ("methods/mean_picture.py", ", batch.frames)", ", batch.frames * 0 + 3)", "padding"),
    ("methods/mean_picture.py", "brightest.flatten(1)", "(brightest - brightest.mean(0)).flatten(1)", "otherwise alone than in a batch of three"),
    ("methods/mean_picture.py", " -> RunConfig", "", "is a recipe: write one"),
    ("studies/centres.py", "objective.further.centre", "objective.centre", "the arm with:"),
])  # fmt: skip
def test_a_contract_that_is_broken_is_said(name: str, old: str, new: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "mine", *({name, "methods/mean_picture.py"} if "studies" in name else {name}))
    assert old in FILES[name]
    (folder / name).write_text(FILES[name].replace(old, new))
    code, printed = main(["plugins", "check", str(folder)]), capsys.readouterr()
    shown = " ".join(printed.out.split())
    assert code == 2
    assert f"fails {Path(name).parent}/{Path(name).stem}:" in shown
    assert words in shown
    assert "contract tests fail" in printed.err
