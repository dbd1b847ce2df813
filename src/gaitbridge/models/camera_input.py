"""What a network of one camera's pictures sees: silhouettes, or parsed bodies in their place."""

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn

from gaitbridge.config import Config
from gaitbridge.conventions import PARSING
from gaitbridge.models.preparation import prepare_labels, prepare_silhouettes
from gaitbridge.types import Batch, Distance


class CameraInput(Config):
    """What is read from the store."""

    modality: Literal["silhouettes", "parsing"] = "silhouettes"
    """What the network sees: silhouettes of 0 to 1, or parsed bodies, whose labels 0 to 11 are taken as one channel of grey, as it was published."""


class SeesPictures:
    """A network whose pictures are what `CameraInput` says."""

    distance: Distance = "euclidean"
    modality: str
    modalities: Sequence[str]
    inputs: Mapping[str, tuple[str, ...]]

    def look_at(self, config: CameraInput, further: tuple[str, ...] = ()) -> None:
        """What its inputs are. further: names of arrays that it takes besides."""
        self.modality, self.modalities = config.modality, (config.modality,)
        self.inputs = {self.modality: (self.modality, *further)}

    def seen(self, batch: Batch) -> Tensor:
        """The pictures of a batch, [N, T, 1, H, W]."""
        return (prepare_labels if self.modality == PARSING else prepare_silhouettes)(batch.inputs[self.modality])


class CameraNetwork(SeesPictures, nn.Module):
    """The same, with nothing else that it begins with."""

    def __init__(self, config: CameraInput, further: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.look_at(config, further)
