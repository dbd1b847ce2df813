"""What every method's network must keep to; a new method is picked up with no edit here."""

from pathlib import Path

import pytest
from convolutions_seen import ConvolutionsSeen
from settings_walked import recipes_of_different_networks
from tolerances import SUMS

from gaitbridge import plugins
from gaitbridge.contracts.methods import check_embedding, check_objective, check_padding
from gaitbridge.training.config import METHODS, recipe


@pytest.mark.parametrize("name", plugins.names(METHODS))
def test_method_has_its_three_files_and_a_readme(name: str) -> None:
    package = plugins.load(METHODS, name)
    assert package.__file__ is not None
    folder = Path(package.__file__).parent
    lacking = [file for file in ("network.py", "objective.py", "recipes.py", "README.md") if not (folder / file).is_file()]
    assert not lacking, f"the method {name} lacks {', '.join(lacking)}: see Adding in CONTRIBUTING.md"
    assert "## Deviations and decisions" in (folder / "README.md").read_text(), f"the README of {name} has no section of that name"


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_network_embeds_in_any_batch_size_and_knows_no_people(name: str) -> None:
    check_embedding(recipe(name), SUMS)


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_padding_does_not_count(name: str) -> None:
    check_padding(recipe(name), SUMS)


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_objective_gives_named_finite_losses(name: str) -> None:
    with ConvolutionsSeen() as seen:
        check_objective(recipe(name))
    assert seen.strided_points == [], "make them by models.convolutions.convolution: the library's own damage memory"
