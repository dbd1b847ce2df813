"""Models that come along: each loads by its name, embeds, states rates, and its card on the page holds the figures of its file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_run import small_run, walks

import gaitbridge
from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.evaluation.results import ResultRow
from gaitbridge.inference import packing, shipped
from gaitbridge.report.model_cards import card_text, with_cards
from gaitbridge.store import Store
from gaitbridge.training.checkpoint import read_part

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
MOST_BYTES = 6_000_000


@pytest.mark.parametrize("name", shipped.names())
def test_each_model_loads_embeds_and_has_its_card(name: str) -> None:
    model, card = gaitbridge.load(name), shipped.card_of(name)
    assert model.weights_hash == card["weights_hash"]
    for modality in model.modalities:
        made = model.embed(least_quality=0, **{modality: walks([5, 3])[modality]})
        assert list(made.values.shape) == [2, *card["embedding"]]
        assert np.isfinite(made.values).all()
    files = [file for file in (shipped.ROOT / name).rglob("*") if file.is_file()]
    assert card["bytes"] - 20_000 < sum(file.stat().st_size for file in files) < MOST_BYTES
    assert not {file.name for file in files} & {"objective.safetensors", "optimiser.safetensors"}
    text = PAGE.read_text(encoding="utf-8")
    assert card_text(card) in text
    ranks = [one for one in card["figures"] if one["metric"] == "rank-1"]
    assert {(one["probe"], one["gallery"]) for one in ranks} == {(probe, gallery) for probe in card["sensors"] for gallery in card["sensors"]}
    assert all(f"{one['value']:.1f} [" in text for one in ranks)


def test_each_model_is_evaluated_by_its_name(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a run is, though it has no objective to diagnose the trajectory with; nothing is written where the package lies."""
    monkeypatch.chdir(tmp_path)
    for name in shipped.names():
        before = sorted((shipped.ROOT / name).rglob("*"))
        assert main(["evaluate", name, "--data", str(toy_store.path), "--no-fast"]) == 0
        assert (tmp_path / name / f"evaluation-{toy_store.path.name}" / "results.csv").is_file()
        assert sorted((shipped.ROOT / name).rglob("*")) == before
        assert gaitbridge.load(name).weights_hash == shipped.card_of(name)["weights_hash"]


def test_a_gallery_takes_the_default_and_says_on_what_it_was_calibrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", "create", "known"]) == 0
    said = capsys.readouterr().out
    assert "for cross-modal, which comes along" in said
    assert "calibrated on strangers-long (simulated" in said
    opened = gaitbridge.Gallery("known")
    assert opened.about["model"] == "cross-modal"
    calibration = opened.calibration()
    assert calibration is not None
    assert {(one.probe, one.gallery) for one in calibration.directions} == {(a, b) for a in ("camera", "lidar") for b in ("camera", "lidar")}


def test_a_run_of_that_name_goes_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["weights", "copy", "lidar", "cross-modal"]) == 0
    assert gaitbridge.load("cross-modal").modalities == ("range_views",)
    with pytest.raises(UserError, match="nor a model that comes along"):
        gaitbridge.load("lidra")
    assert main(["weights", "copy", "lidra", "other"]) == 2
    assert "did you mean 'lidar'" in capsys.readouterr().err


def row(**known: object) -> dict[str, object]:
    one = ResultRow("rank-1", "%", 12.3456, 1.0, 20.0, 2.0, 10, 0, 5, 4.0, 5, "camera", "lidar", "all", "excluded", None, None, "simulated-2", 0,
                    "", "", "0")  # fmt: skip
    return {**vars(one), **known}


def test_packing_takes_the_checkpoint_that_was_evaluated(tmp_path: Path, toy_store: Store) -> None:
    run = small_run(toy_store, tmp_path / "run")
    (run / "evaluation").mkdir()
    model = gaitbridge.load(run)
    (run / "evaluation" / "results.json").write_text(json.dumps([row(weights_hash="0" * 32)]))
    with pytest.raises(UserError, match="the run has no checkpoint"):
        packing.evaluated(run)
    rows = [row(metric=metric, weights_hash=model.weights_hash) for metric in ("rank-1", "mINP")]
    (run / "evaluation" / "results.json").write_text(json.dumps(rows))
    which, folder, figures = packing.evaluated(run)
    assert [(one["metric"], one["value"], one["people_of"]) for one in figures] == [("rank-1", 12.3456, "its own test people")]
    made, moved = packing.start(run, which, tmp_path / "made", toy_store)
    assert moved is not None
    assert 0 < moved < packing.NEAR_ENOUGH
    halved = {name: tensor.dtype for name, tensor in read_part(made.folder, "network").items() if tensor.is_floating_point()}
    assert {str(kind) for kind in halved.values()} == {"torch.float16"}
    card = packing.card("toy", run, folder, made, moved, "on nobody", figures)
    page = with_cards("<!-- card of toy: written by `gaitbridge weights cards` -->old<!-- end of the card -->", {"toy": card})
    assert "12.3 [1.0, 20.0]" in page
    assert "old" not in page
    with pytest.raises(UserError, match="no place for the card"):
        with_cards("", {"toy": card})


def test_weights_that_rounding_changes_stay_as_they_are(tmp_path: Path, toy_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run(toy_store, tmp_path / "run")
    monkeypatch.setattr(packing, "NEAR_ENOUGH", 0.0)
    made, moved = packing.start(run, "best", tmp_path / "made", toy_store)
    assert moved is None
    assert made.weights_hash == gaitbridge.load(run).weights_hash
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is no model that comes along"):
        packing.placed(tmp_path / "made", tmp_path / "place")
    shutil.rmtree(tmp_path / "place")
    packing.placed(tmp_path / "made", tmp_path / "place")
    assert (tmp_path / "place" / "config.json").is_file()
