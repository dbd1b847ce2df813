"""Convolutions over frames by fewer products are the convolutions, whatever is padding."""

import pytest
import torch
from torch.nn import functional

from gaitbridge.models import winograd_time


@pytest.mark.parametrize("lengths", [(9, 9), (23, 7, 1), (4, 0)])
def test_it_is_the_convolution_over_time(lengths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd_time, "AT_ONCE", 200)  # some pixels at a time
    torch.manual_seed(0)
    frames, matrices, bias = torch.randn(len(lengths), max(lengths), 6, 10), torch.randn(3, 10, 8), torch.randn(8)
    real = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    found = winograd_time.over_time(frames, winograd_time.spread_weights(matrices), bias, None if all(real.flatten()) else real)
    for row, own, length in zip(found, frames.double(), lengths, strict=True):
        around = functional.pad(own[:length], (0, 0, 0, 0, 1, 1))
        wanted = sum(around[shift : shift + length] @ matrices[shift].double() for shift in range(3)) + bias
        torch.testing.assert_close(row[:length].double(), wanted.relu(), rtol=0, atol=1e-4)
        assert not row[length:].any()


def test_short_sequences_take_the_direct_way() -> None:
    assert [frames for frames in range(1, 13) if not winograd_time.saves(frames)] == [1, 2, 3, 5]
