"""The fast way gives the plain network's embeddings, or the plain network is used and a warning says so."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gaitbridge import plugins
from gaitbridge.inference import fast
from gaitbridge.models import digits
from gaitbridge.models.folding import FoldedConv, FoldedOverTime, folded
from gaitbridge.models.winograd import WinogradConv, suits
from gaitbridge.types import Batch

WIDE: dict[str, Any] = {"channels": (16, 64, 256), "blocks": (1, 1, 1), "strides": (2, 2, 2), "bins": (4,), "embedding": 8}
SMALL: dict[str, Any] = {"channels": (16, 128, 144), "strides": (1, 2, 1), "embedding": 8}
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("gaitbase", {"channels": (16, 128, 144), "blocks": (1, 2, 1), "strides": (1, 2, 1), "bins": (8,), "embedding": 8}),
    *[("deepgaitv2", {"mode": mode, "channels": (16, 128, 144), "blocks": (1, 2, 1), "strides": (1, 2, 1), "bins": (8,), "embedding": 8})
      for mode in ("2d", "p3d", "3d")],
    ("deepgaitv2", WIDE),
    ("meshgait", {**SMALL, "parts": 8, "heatmaps": None}),
    ("meshgait", {**SMALL, "parts": 8, "heatmaps": None, "backbone": "pseudo3d"}),
]  # fmt: skip


def network(method: str, settings: dict[str, Any]) -> Any:
    """A network whose norms have statistics, as a trained one's."""
    module = plugins.load(f"gaitbridge.methods.{method}", "network")
    torch.manual_seed(0)
    made = module.Network(module.NetworkConfig(**settings))
    with torch.no_grad():
        for part in made.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None
                assert part.running_var is not None
                part.running_mean.normal_(0, 0.2)
                part.running_var.uniform_(0.5, 1.5)
                part.weight.normal_(1, 0.2)
                part.bias.normal_(0, 0.2)
    return made.eval()


def batch(*frames: int) -> Batch:
    random = np.random.default_rng(0)
    pictures = torch.zeros(len(frames), max(frames), 64, 44, dtype=torch.uint8)
    for row, count in enumerate(frames):
        pictures[row, :count] = torch.from_numpy((random.random((count, 64, 44)) > 0.5).astype(np.uint8) * 255)
    return Batch({"silhouettes": pictures}, torch.tensor(frames), torch.full((len(frames),), -1))


@pytest.mark.parametrize(("method", "settings"), NETWORKS)
@pytest.mark.parametrize("frames", [(3, 3), (6, 1, 4), (1,)])
def test_the_folded_network_gives_the_same_embeddings(method: str, settings: dict[str, Any], frames: tuple[int, ...]) -> None:
    plain = network(method, settings)
    before = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    twin: Any = folded(plain)
    given = batch(*frames)
    assert sum(isinstance(part, FoldedConv | FoldedOverTime) for part in twin.modules()) > 3
    assert any(isinstance(part, WinogradConv) for part in twin.modules())
    with torch.inference_mode():
        wanted, found = plain.embed(given)["silhouettes"], twin.embed(given)["silhouettes"]
        assert fast.difference(found, wanted) < 2e-5
        assert torch.equal(found, twin.embed(given)["silhouettes"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in plain.state_dict().items())


def test_nothing_is_left_to_fold() -> None:
    for method, settings in NETWORKS:
        twin = folded(network(method, settings))
        assert not any(isinstance(part, nn.BatchNorm2d) for part in twin.modules()), method


@pytest.mark.parametrize(("height", "width"), [(16, 11), (5, 4), (1, 1), (3, 9)])
def test_winograd_is_the_convolution(height: int, width: int) -> None:
    torch.manual_seed(1)
    conv = nn.Conv2d(130, 128, 3, padding=1)
    x = torch.randn(9, 130, height, width).contiguous(memory_format=torch.channels_last)
    added = torch.randn(9, 128, height, width)
    assert suits(conv)
    assert conv.bias is not None
    ours = WinogradConv(conv.weight.detach(), conv.bias.detach())
    with torch.no_grad():
        wanted = functional.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)
        torch.testing.assert_close(ours(x).double(), wanted, rtol=0, atol=1e-4)
        torch.testing.assert_close(ours(x, added).double(), wanted + added, rtol=0, atol=1e-4)
    for other in (nn.Conv2d(130, 128, 3, 2, 1), nn.Conv2d(130, 128, 3), nn.Conv2d(130, 128, 1), nn.Conv2d(64, 128, 3, 1, 1),
                  nn.Conv2d(128, 128, 3, 1, 1, groups=2), nn.Conv2d(128, 128, 3, 1, 1, padding_mode="reflect")):  # fmt: skip
        assert not suits(other)


def test_it_is_checked_once_and_then_fast() -> None:
    plain = network(*NETWORKS[0])
    model = fast.Fast(plain, by_digits=True)
    calls: list[int] = []
    next(part for part in plain.modules() if isinstance(part, nn.Conv2d)).register_forward_hook(lambda *_: calls.append(1))
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        first = model.embed(batch(4, 2, 3))["silhouettes"]
        assert model.ways["silhouettes"] in (("digits", "folded") if digits.supported() else ("folded",))
        assert len(calls) == 1
        again = model.embed(batch(4, 2, 3))["silhouettes"]
        assert len(calls) == 1
        assert torch.equal(first, again)
        assert fast.difference(first, plain.embed(batch(4, 2, 3))["silhouettes"]) < fast.TOLERANCE


def test_long_batches_are_embedded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "FRAMES_AT_ONCE", 8)
    plain = network(*NETWORKS[2])
    model, given = fast.Fast(plain), batch(4, 2, 3, 4, 1)
    parts: list[list[int]] = []
    model.twins["folded"] = folded(plain)
    model.ways["silhouettes"] = "folded"
    own = model.twins["folded"].embed

    def embed(some: Batch) -> Any:
        parts.append(some.frames.tolist())
        return own(some)

    monkeypatch.setattr(model.twins["folded"], "embed", embed)
    with torch.inference_mode():
        assert fast.difference(model.embed(given)["silhouettes"], plain.embed(given)["silhouettes"]) < 2e-5
    assert parts == [[4, 2], [3, 4], [1]]


@pytest.mark.parametrize("spoil", ["weight", "nan", "fails"])
def test_a_wrong_twin_gives_way_with_a_warning(spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "supported", lambda: False)
    plain = network(*NETWORKS[0])
    model = fast.Fast(plain, by_digits=True)
    model.twins["folded"] = folded(plain)
    conv = next(part for part in model.twins["folded"].modules() if isinstance(part, nn.Conv2d))
    with torch.no_grad():
        conv.weight.mul_(1.05 if spoil == "weight" else float("nan"))
        if spoil == "fails":
            conv.weight = nn.Parameter(torch.zeros(1, 2, 3, 3))
    with torch.inference_mode():
        with pytest.warns(UserWarning, match="plain one is used"):
            found = model.embed(batch(3, 2))["silhouettes"]
        assert model.ways == {"silhouettes": "plain"}
        assert torch.equal(found, plain.embed(batch(3, 2))["silhouettes"])


@pytest.mark.parametrize("fails", [False, True])
def test_digits_give_way_to_float(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(nn.Module):
        def embed(self, given: Batch) -> dict[str, Any]:
            if fails:
                raise RuntimeError("no such operator")
            return {name: value * 1.01 for name, value in plain.embed(given).items()}

    monkeypatch.setattr(digits, "supported", lambda: True)
    plain = network(*NETWORKS[0])
    model = fast.Fast(plain, by_digits=True)
    model.twins["digits"] = Wrong()
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.embed(batch(3, 2))["silhouettes"]
        assert model.ways == {"silhouettes": "folded"}
        assert fast.difference(found, plain.embed(batch(3, 2))["silhouettes"]) < 2e-5


@pytest.mark.skipif(not digits.supported(), reason="sums of bytes are not exact on this processor")
@pytest.mark.parametrize("faster", [True, False])
def test_each_convolution_takes_the_faster_way(faster: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "pays", lambda by_digits, without: (by_digits(), without(), faster)[2])
    plain = network("deepgaitv2", WIDE)
    model = fast.Fast(plain, by_digits=True)
    with torch.inference_mode():
        found = model.embed(batch(8, 2))["silhouettes"]
        apart = fast.difference(found, plain.embed(batch(8, 2))["silhouettes"])
    assert model.ways == {"silhouettes": "digits" if faster else "folded"}
    assert apart < (fast.TOLERANCE if faster else 2e-5)
    twin = model.twins[model.ways["silhouettes"]]
    assert any(isinstance(part, WinogradConv) for part in twin.modules()) is not faster  # the other way's weights are not kept


def test_digits_are_asked_for() -> None:
    model = fast.Fast(network(*NETWORKS[0]))
    with torch.inference_mode():
        model.embed(batch(2))
    assert model.ways == {"silhouettes": "folded"}


def test_lower_precision_takes_the_plain_network() -> None:
    model = fast.Fast(network(*NETWORKS[0]))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        model.embed(batch(2))
    assert model.ways == {}


def test_the_largest_over_frames_is_the_same_bits() -> None:
    from gaitbridge.models.pooling import temporal_max

    x = torch.randn(3, 5, 4, 2, 2)
    for frames in (torch.tensor([5, 5, 5]), torch.tensor([5, 1, 0])):
        wanted = temporal_max(x, frames)
        with torch.inference_mode():
            assert torch.equal(temporal_max(x, frames), wanted)
