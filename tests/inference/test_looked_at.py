"""What a network looks at: shares that add up, that follow its weights, of every network that sees pictures; and the picture of them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import spearmanr
from toy import toy_sequence

from gaitbridge import plugins
from gaitbridge.cli import app, main
from gaitbridge.contracts.methods import example, network_of
from gaitbridge.errors import UserError
from gaitbridge.inference.loading import load
from gaitbridge.inference.looked_at import _faded, looked_at
from gaitbridge.report.looked_at_picture import AGAINST, FOR, LookedAt, drawn
from gaitbridge.store import Store
from gaitbridge.training.config import METHODS, recipe, recipes
from gaitbridge.types import is_picture

SMALL = {"channels": (8, 8), "strides": (2, 2), "parts": 8, "embedding": 8}


def small_network() -> torch.nn.Module:
    torch.manual_seed(0)
    module = plugins.load(f"{METHODS}.diffcrossgait", "network")
    network: torch.nn.Module = module.Network(module.NetworkConfig(**SMALL)).eval()
    for part in network.modules():  # norms that did nothing would make brighter pictures embed alike
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(part.bias, 0, 0.2)
            torch.nn.init.normal_(part.running_mean, 0, 0.2)  # type: ignore[arg-type]
    return network


@pytest.mark.parametrize("modality", ["silhouettes", "range_views"])
def test_shares_add_up_to_what_the_pictures_bring(modality: str) -> None:
    network = small_network()
    batch = example([modality], network.config, count=1, frames=3)  # type: ignore[arg-type]
    torch.manual_seed(1)
    toward = torch.nn.functional.normalize(torch.randn(8, 8), dim=0)

    def likeness(share: float) -> float:
        return float(_faded(network, modality, batch, [modality], toward, share)[0].detach())

    shares = looked_at(network, modality, {modality: batch.inputs[modality][0].numpy()}, toward.numpy(), steps=64)
    assert shares.shape == (3, 64, 44)
    assert abs(likeness(1.0) - likeness(0.0)) > 1e-3
    assert shares.sum() == pytest.approx(likeness(1.0) - likeness(0.0), rel=0.05)


def test_where_nothing_came_back_there_is_nothing_to_look_at() -> None:
    network, pictures = small_network(), toy_sequence(1, "test", "normal", 0, 90).arrays["range_views"]
    shares = looked_at(network, "range_views", {"range_views": pictures}, np.ones((8, 8), np.float32))
    assert np.isfinite(shares).all()
    assert (shares[np.isnan(pictures)] == 0).all()
    assert (shares[np.isfinite(pictures)] != 0).any()


def test_other_weights_look_elsewhere() -> None:
    """Adebayo et al. 2018: a map that stays when the weights are drawn anew shows the picture, and not the network."""
    model = load("cross-modal")
    arrays = {name: array[:3] for name, array in toy_sequence(1, "test", "normal", 0, 90).arrays.items()}
    toward = model.embed_stored(range_views=[arrays["range_views"]]).values[0]
    person = arrays["silhouettes"] > 0

    def shares() -> np.ndarray:
        return looked_at(model.network, "silhouettes", {"silhouettes": arrays["silhouettes"]}, toward)[person]

    before = shares()
    np.testing.assert_array_equal(before, shares())
    torch.manual_seed(0)
    with torch.no_grad():
        for weights in model.network.encoders.parameters():
            weights.copy_(weights[torch.randperm(len(weights))])  # the same numbers, elsewhere
    assert abs(spearmanr(before, shares()).statistic) < 0.3


def one_of_each_method() -> list[str]:
    """The smallest, where there is one."""
    by_method: dict[str, list[str]] = {}
    for name, made in sorted(recipes().items()):
        by_method.setdefault(made().method, []).append(name)
    return [next((name for name in names if name.endswith("/tiny")), names[0]) for names in by_method.values()]


@pytest.mark.parametrize("name", one_of_each_method())
def test_every_network_of_pictures_can_be_looked_at(name: str) -> None:
    network = network_of(recipe(name)).eval()
    for modality, names in network.inputs.items():  # type: ignore[operator, union-attr]
        given = example(names, network.config, count=1)  # type: ignore[arg-type]
        arrays = {one: values[0].numpy() for one, values in given.inputs.items()}
        with torch.no_grad():
            toward = network.embed(given)[modality][0].roll(1, 0).numpy()  # type: ignore[operator]
        if not any(is_picture(one) for one in names):
            with pytest.raises(UserError, match="no pictures to draw on"):
                looked_at(network, modality, arrays, toward, 1)
            continue
        shares = looked_at(network, modality, arrays, toward, 1)
        assert shares.shape == (2, *arrays[next(filter(is_picture, names))].shape[-2:])
        assert np.abs(shares).max() > 0


def test_for_is_red_and_against_is_blue() -> None:
    pictures = np.full((3, 64, 44), 255, np.uint8)
    shares = np.zeros((3, 64, 44), np.float32)
    shares[:, 10:20, 10:20], shares[:, 40:50, 10:20] = 1.0, -1.0
    made = drawn(LookedAt("", pictures, shares), 3)
    np.testing.assert_allclose(made[15, 15], FOR, atol=2)
    np.testing.assert_allclose(made[45, 15], AGAINST, atol=2)
    assert len(set(made[30, 30])) == 1, "nothing is grey"
    assert made.shape[1] == 4 * 44 + 3 * 2 + 2 * 2


def test_the_command_draws_both_sides(toy_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "look.png"
    app(["look", "cross-modal", "--data", str(toy_store.path), "--out", str(picture), "--frames", "3"], result_action="return_value")
    with Image.open(picture) as opened:
        assert opened.width > 400
    key = next(iter(toy_store.row_of_key))
    assert main(["look", "lidar", key, key, "--data", str(toy_store.path), "--out", str(picture)]) == 2
    assert "to be held against itself: name another walk" in capsys.readouterr().err
    assert main(["look", "lidar", "--data", str(toy_store.path), "--out", str(tmp_path / "look.webp")]) == 2
