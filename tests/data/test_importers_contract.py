"""What every importer must keep to; a new one is picked up with no edit here, and needs a tree in tests/published_trees.py."""

from pathlib import Path

import numpy as np
import pytest
from published_trees import TREES, Expected, hostile, partition, truncate

from gaitbridge import plugins
from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._run import Imported, import_dataset
from gaitbridge.data.importers._source import IMPORTERS
from gaitbridge.errors import UserError
from gaitbridge.store import FIELDS, RANGE_UNIT_M, Store
from gaitbridge.types import Labels

NAMES = plugins.names(IMPORTERS)
DOCS = Path(__file__).parents[2] / "docs" / "datasets.md"


def tree_of(name: str, root: Path) -> Expected:
    """A dataset's tree; a failure in words where the importer came without one."""
    if name not in TREES:
        pytest.fail(f"the importer {name} has no tree to be tried on: write one as a function {name}(root) in tests/published_trees.py that returns "
                    "what its store must hold, and name it in TREES there", pytrace=False)
    return TREES[name](root)


def facts_of(name: str) -> Dataset:
    """What an importer says of its dataset; a failure in words where it lacks a part."""
    module = plugins.load(IMPORTERS, name)
    parts = {"DATASET": "a `Dataset` with the facts", "named": "the function that names a type and a view", "read": "the function that reads one"}
    for part in parts:
        if not hasattr(module, part):
            pytest.fail(f"the importer {name} has no {part}, {parts[part]}: see `Importer` in data/importers/_dataset.py", pytrace=False)
    facts: Dataset = module.DATASET
    return facts


def section_of(name: str, page: str) -> str:
    """The section of a dataset in docs/datasets.md; a failure in words where there is none."""
    heading = f"## {facts_of(name).name}: `{name}`"
    if f"\n{heading}\n" not in page:
        pytest.fail(f"docs/datasets.md has no section {heading!r}: write one with where to apply, the command, fields, counts", pytrace=False)
    return page.split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


def imported(name: str, folder: Path, **options: object) -> tuple[Imported, Expected, Path]:
    """The tree of a dataset, imported to folder/store."""
    expected = tree_of(name, folder / "tree")
    done = import_dataset(name, folder / "tree", folder / "store", partition=partition(name, folder), **options)  # type: ignore[arg-type]
    return done, expected, folder / "store"


def assert_holds(store: Store, expected: Expected) -> None:
    """The store has these sequences, with these labels and arrays, and no others."""
    assert sorted(row["key"] for row in store.rows) == sorted(expected)
    for key, (named, arrays) in expected.items():
        found = store.read(store.row_of_key[key], FIELDS)
        assert {name: getattr(found.labels, name) for name in named} == named, key
        assert set(found.arrays) == set(arrays), key
        for name, array in arrays.items():
            if name == "range_views":
                assert np.array_equal(np.isnan(found.arrays[name]), np.isnan(array)), key
                assert np.allclose(found.arrays[name], array, atol=RANGE_UNIT_M / 2 + 1e-5, equal_nan=True), key
            else:
                assert found.arrays[name].dtype == array.dtype
                assert np.array_equal(found.arrays[name], array, equal_nan=array.dtype.kind == "f"), (key, name)


@pytest.mark.parametrize("name", NAMES)
def test_facts_are_there_and_documented(name: str) -> None:
    facts = facts_of(name)
    for text in (facts.name, facts.citation, facts.apply, facts.licence, facts.layout, facts.split):
        assert text
        assert "\n" not in text
    assert set(facts.fields) <= set(FIELDS)
    assert set(facts.people) == {"train", "test"}
    section = section_of(name, DOCS.read_text())
    wanted = [facts.apply, f"gaitbridge import {name} ", *(f"`{field}`" for field in facts.fields)]
    wanted += [f"{count:,}" for count in (*facts.people.values(), *facts.sequences.values())]
    assert not [words for words in wanted if words not in section], f"the section of {name} in docs/datasets.md lacks these words"


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_tree_is_in_the_store_as_published(name: str, tmp_path: Path) -> None:
    done, expected, path = imported(name, tmp_path)
    store = Store(path)
    store.verify()
    assert_holds(store, expected)
    assert done.problems == []
    facts = facts_of(name)
    assert {(row["source"], row["licence"]) for row in store.rows} == {(facts.name, facts.licence)}
    assert store.document["licences"] == [facts.licence]
    counts = {line["what"]: (line["found"], line["published"]) for line in store.document["about"]["summary"]}
    assert counts["sequences, all"][0] == len(expected)
    trained_on = {key.split("/")[0] for key, (named, _) in expected.items() if named["split"] == "train"}
    assert counts["people, train"] == (len(trained_on), facts.people["train"])
    assert counts["sequences left out because of a problem"][0] == 0
    assert all(isinstance(store.labels(number), Labels) for number in range(len(store.rows)))
    assert "simul" not in str(store.document["about"]).lower()  # nothing here is made up, and reports must not say so


@pytest.mark.parametrize("name", NAMES)
def test_damaged_and_hostile_files_are_left_out_by_name(name: str, tmp_path: Path) -> None:
    expected, given = tree_of(name, tmp_path / "tree"), partition(name, tmp_path)
    first, second, sign = *sorted(expected)[:2], tmp_path / "it_ran"
    spoilt = [next(path for path in sorted((tmp_path / "tree" / key).rglob("*")) if wanted_file(path)) for key in (first, second)]
    truncate(spoilt[0])
    hostile(spoilt[1], sign)
    done = import_dataset(name, tmp_path / "tree", tmp_path / "store", partition=given)
    assert not sign.exists()
    assert [str(path) in problem for path, problem in zip(spoilt, done.problems, strict=True)] == [True, True]
    assert "refused" in done.problems[1]
    assert_holds(Store(tmp_path / "store"), {key: what for key, what in expected.items() if key not in (first, second)})
    with pytest.raises(UserError, match=str(spoilt[0])):
        import_dataset(name, tmp_path / "tree", tmp_path / "strict", partition=given, strict=True)
    assert not (tmp_path / "strict" / "store.json").exists()


def wanted_file(path: Path) -> bool:
    """A file that the importer reads by default."""
    words = path.name
    unread = ("-rgbs", "07_1-sils", "RGB", "Sils_raw", "rgb.pkl", "rgb_f", "ir.pkl", "ir_sils", "event", "radar", "pose3d", "depth.pkl")
    of_sustech1k = "-Camera-" in words or "-LiDAR-" in words
    return path.is_file() and not any(word in words for word in unread) and ("sync" in words or not of_sustech1k)


@pytest.mark.parametrize("name", NAMES)
def test_a_tree_of_another_layout_is_refused_with_the_right_one(name: str, tmp_path: Path) -> None:
    (tmp_path / "tree" / "somewhere" / "else").mkdir(parents=True)
    layout = facts_of(name).layout
    with pytest.raises(UserError) as error:
        import_dataset(name, tmp_path / "tree", tmp_path / "store", partition=partition(name, tmp_path))
    assert layout in str(error.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_split_is_known_or_the_partition_file_is_asked_for(name: str, tmp_path: Path) -> None:
    module = plugins.load(IMPORTERS, name)
    if hasattr(module, "split_of"):
        assert module.split_of("somebody") == ""
        return
    (tmp_path / "tree" / "0001").mkdir(parents=True)
    with pytest.raises(UserError, match="--partition"):
        import_dataset(name, tmp_path / "tree", tmp_path / "store")


def test_what_a_new_importer_lacks_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"the importer new has no tree .* tests/published_trees\.py"):
        tree_of("new", tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"docs/datasets\.md has no section '## CASIA-B: `casia_b`'"):
        section_of("casia_b", "# Datasets\n")
    monkeypatch.delattr(plugins.load(IMPORTERS, "casia_b"), "read")
    with pytest.raises(pytest.fail.Exception, match="the importer casia_b has no read, the function"):
        facts_of("casia_b")
