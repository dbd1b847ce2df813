"""Settings in words, given from elsewhere, and in which of them two runs differ."""

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from gaitbridge.cli import main
from gaitbridge.config import Config
from gaitbridge.errors import UserError
from gaitbridge.training.config import recipe, recipes
from gaitbridge.training.described import described, differences, differences_of_runs
from gaitbridge.training.given import run_settings, settings_given


class Inner(Config):
    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Of the whole."""


class Outer(Config):
    name: Literal["a", "b"]
    """Which."""
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    """How
    many."""
    rate: Annotated[float, Field(gt=0, le=100)] | None = None
    """Rate."""
    sizes: Annotated[tuple[Annotated[int, Field(ge=8, le=64)], ...], Field(min_length=1, max_length=16)] = (8,)
    """Sizes."""
    pair: tuple[Annotated[int, Field(ge=32, le=256, multiple_of=32)], bool] = (32, True)
    """A pair."""
    inner: Inner = Inner()
    """Always there."""
    perhaps: Inner | None = None
    """Sometimes there."""


def test_every_setting_is_said_with_its_bounds_default_and_meaning() -> None:
    rows = [(one.name, one.value, one.default, one.bounds, one.meaning) for one in described(Outer(name="a", count=4, perhaps=Inner(share=0.25)))]
    assert rows == [
        ("name", '"a"', "–", "a, b", "Which."),
        ("count", "4", "3", "1 to 1,000,000", "How many."),
        ("rate", "null", "null", "above 0 to 100 or null", "Rate."),
        ("sizes", "[8]", "[8]", "[8 to 64], 1 to 16 of them", "Sizes."),
        ("pair", "[32, true]", "[32, true]", "[32 to 256, a multiple of 32, true or false]", "A pair."),
        ("inner.share", "0.5", "0.5", "0 to below 1", "Of the whole."),
        ("perhaps", "a group", "null", "a group or null", "Sometimes there."),
        ("perhaps.share", "0.25", "0.5", "0 to below 1", "Of the whole."),
    ]
    assert [one.value for one in described(Outer(name="a")) if one.name == "perhaps"] == ["null"]


def test_sides_differ_in_what_their_runs_do_not_share() -> None:
    a = [{"seed": 0, "group": {"rate": 0.1}, "own": 1}, {"seed": 1, "group": {"rate": 0.1}, "own": 1}]
    b = [{"seed": 1, "group": None}, {"seed": 0, "group": None}]
    found = {one.name: (one.a, one.b) for one in differences(a, b)}
    assert found == {"group.rate": ("0.1", "–"), "own": ("1", "–"), "group": ("a group", "null")}
    assert differences(a, a) == []


def test_runs_differ_in_settings_and_data(tmp_path: Path) -> None:
    documents = {"one": recipe("gaitbase/tiny").model_dump(mode="json"), "two": recipe("gaitbase/tiny").model_dump(mode="json") | {"steps": 7}}
    del documents["one"]["compile"]  # of a run from before there was such a setting
    for name, document in documents.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(document))
        (tmp_path / name / "provenance.json").write_text(json.dumps({"data_hash": f"of {name}"}))
    found = differences_of_runs([tmp_path / "one"], [tmp_path / "two"])
    assert found is not None
    assert {one.name: (one.a, one.b) for one in found} == {"steps": ("1000", "7"), "trained on data": ('"of one"', '"of two"')}
    (tmp_path / "bare").mkdir()
    assert differences_of_runs([tmp_path / "one"], [tmp_path / "bare"]) is None


def test_settings_come_from_a_recipe_a_run_or_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = recipe("gaitbase/tiny").model_dump(mode="json") | {"seed": 4}
    (tmp_path / "config.json").write_text(json.dumps(wanted))
    assert settings_given(run=tmp_path) == wanted
    assert run_settings(settings_given(run=tmp_path), ["steps=5"]).steps == 5
    assert main(["recipes", "gaitbase/tiny", "--json"]) == 0
    edited = json.loads(capsys.readouterr().out)
    assert edited == settings_given(recipe="gaitbase/tiny")
    edited["data"].pop("workers")
    (tmp_path / "mine.json").write_text(json.dumps(edited | {"seed": 4}))
    assert settings_given(file=tmp_path / "mine.json") == wanted
    (tmp_path / "bad.json").write_text(json.dumps(wanted | {"step": 5}))
    for given, words in (({}, "no settings: name a recipe"), ({"recipe": "gaitbase/tiny", "run": tmp_path}, "from several places"),
                         ({"run": tmp_path / "no"}, "is no run"), ({"file": tmp_path / "bad.json"}, r"bad.json: no setting 'step': did you mean"),
                         ({"file": tmp_path / "none.json"}, "cannot be read"), ({"recipe": "gaitbase/tinny"}, "did you mean 'gaitbase/tiny'")):
        with pytest.raises(UserError, match=words) as refused:
            settings_given(**given)
        assert "\n" not in str(refused.value)


def test_the_commands_say_settings_and_differences(capsys: pytest.CaptureFixture[str]) -> None:
    def said_by(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code
        return "".join(capsys.readouterr())

    said = said_by("recipes", "gaitbase/grew")
    for words in ("For GREW: 180,000 iterations", "60.1", "OpenGait's model zoo", "gaitbase/gait3d with data.frames=20", "optimiser.milestones"):
        assert words in said
    found = json.loads(said_by("recipes", "diff", "gaitbase/gait3d", "gaitbase/grew", "--json"))
    assert found["steps"] == [60_000, 180_000]
    assert set(found) == {"recipe", "steps", "data.frames", "data.most_frames", "optimiser.milestones"}
    assert "did you mean 'gaitbase/grew'" in said_by("recipes", "gaitbase/grw", code=2)
    listed = said_by("recipes").splitlines()
    assert len(listed) == len(recipes())
    assert any(line.startswith("gaitbase/grew ") and "180,000 iterations" in line for line in listed)
