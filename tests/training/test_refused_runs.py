"""A run that cannot be is refused in one line that says the setting and its value, and leaves no folder."""

from pathlib import Path

import pytest

from gaitbridge.cli import main
from gaitbridge.store import Store


@pytest.mark.parametrize(("recipe", "setting", "words"), [
    ("diffcrossgait/tiny", "data.people_per_batch=50", "a batch needs 50 people but the store has 6"),
    ("gaitset/casia_b", "seed=1", "a batch needs 8 people but the store has 6"),
    ("diffcrossgait/tiny", "network.embedding=0", "'network.embedding': Input should be greater than or equal to 1 (given: 0)"),
    ("gaitbase/tiny", "network.stem_stride=0", "'network.stem_stride'"),
    ("diffcrossgait/tiny", "data.people_per_batch=0", "'data.people_per_batch'"),
    ("diffcrossgait/tiny", "data.sequences_per_person=0", "'data.sequences_per_person'"),
    ("diffcrossgait/tiny", "data.workers=-1", "'data.workers'"),
    ("diffcrossgait/tiny", "optimiser.weight_decay=-1", "'optimiser.weight_decay'"),
    ("diffcrossgait/tiny", "objective.diffusion.width=0", "'objective.diffusion.width'"),
    ("diffcrossgait/tiny", "objective.diffusion.width=12", "'objective.diffusion.width': Input should be a multiple of 8 (given: 12)"),
    ("diffcrossgait/tiny", "objective.diffusion.latent=0", "'objective.diffusion.latent'"),
    ("diffcrossgait/tiny", "objective.diffusion.anchoring=-3", "'objective.diffusion.anchoring': Input should be greater than or equal to 0"),
    ("diffcrossgait/tiny", "objective.diffusion.boundaries=[65,30]", "(given: boundaries=[65, 30])"),
    ("diffcrossgait/tiny", "network.parts=2", "network.parts is 2, the denoiser halves them twice"),
    ("diffcrossgait/tiny", "optimiser.learning_rate=nan", "'optimiser.learning_rate'"),
    ("gaitset/tiny", "objective.triplet=0", "nothing would be trained by"),
    ("gaitset/tiny", "data.augmentation.erasing=0.3", "data.augmentation is null, there is no group to set anything in: give it its defaults before, "
     "--set 'data.augmentation={}'"),
])  # fmt: skip
def test_nothing_is_left_of_a_refused_run(
    recipe: str, setting: str, words: str, toy_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", recipe, "--data", str(toy_store.path), "--out", str(tmp_path / "run"), "--set", setting]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gaitbridge: ")]
    assert len(lines) == 1
    assert words in lines[0]
    assert list(tmp_path.iterdir()) == []
