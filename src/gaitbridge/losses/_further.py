"""Further losses of an objective, by name: files of this folder or plug-ins with `loss(parts, people)`, or a class `Loss` where there are weights."""

from collections.abc import Mapping

from torch import Tensor, nn

from gaitbridge import plugins
from gaitbridge.errors import UserError

LOSSES = "gaitbridge.losses"


class _Function(nn.Module):
    """A loss without weights of its own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.loss = plugins.load(LOSSES, name).loss

    def forward(self, parts: Tensor, people: Tensor) -> Tensor:
        found: Tensor = self.loss(parts, people)
        return found


def made(name: str, parts: int, channels: int, people: int) -> nn.Module:
    """A loss as a module: called with part features [N, C, K] and class numbers [N] it gives one number.

    `Loss(parts, channels, people)` where the file has that class, else its function `loss`. UserError where it has neither.
    """
    module = plugins.load(LOSSES, name)
    if hasattr(module, "Loss"):
        with_weights: nn.Module = module.Loss(parts, channels, people)
        return with_weights
    if not hasattr(module, "loss"):
        raise UserError(f"losses/{name} has neither a function loss(parts, people) nor a class Loss: it cannot be a further loss of an objective")
    return _Function(name)


class FurtherLosses(nn.Module):
    """Several of them with their weights, by name."""

    def __init__(self, weights: Mapping[str, float], parts: int, channels: int, people: int) -> None:
        super().__init__()
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self.losses = nn.ModuleDict({name: made(name, parts, channels, people) for name in self.weights})

    def forward(self, parts: Tensor, people: Tensor) -> dict[str, Tensor]:
        return {name: weight * self.losses[name](parts, people) for name, weight in self.weights.items()}
