"""An exported run taken to use: `gaitbridge.load("model.onnx")` or `"model.xml"`. It embeds alike; what needs the run itself says so."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.inference.flips import PLAIN
from gaitbridge.inference.onnx_network import OnnxNetwork
from gaitbridge.inference.openvino_network import OpenvinoNetwork
from gaitbridge.inference.session import Model
from gaitbridge.simulation.body._read_out import ReadOut
from gaitbridge.store import Store
from gaitbridge.types import Bodies, Embeddings


class ExportedModel(Model):
    """As `Model`, from an ONNX file or OpenVINO's pair. `about` is what the file says of itself; `weights_hash` is the run's, whose embeddings
    compare with its own, but for int8: such a file has one of its own."""

    def __init__(self, file: Path) -> None:
        self.network: Any = OpenvinoNetwork(file) if file.suffix == ".xml" else OnnxNetwork(file)
        self.embedder = self.deployed = self.network
        self.run, self.folder, self.device, self.about = file, file, "cpu", self.network.about
        self.flips = self.about.get("flips", PLAIN)
        self.weights_hash, self.modalities = str(self.about["weights_hash"]), tuple(self.network.inputs)
        self.inputs, self.distance = self.network.inputs, self.network.distance

    def embed_stored(self, **sequences: Sequence[np.ndarray]) -> Embeddings:
        """As `Model.embed_stored`. A walk in which nothing shows is NaN to the file; here each of its parts is one even direction: nobody's."""
        found = super().embed_stored(**sequences)
        nobody = ~np.isfinite(found.values).all((1, 2))
        if not nobody.any():
            return found
        values = found.values.copy()
        values[nobody] = 1 / np.sqrt(values.shape[1])
        return replace(found, values=values)

    def _lacking(self, what: str) -> UserError:
        return UserError(f"{self.run} is an exported network, which embeds and nothing else: give the run's folder {what}")

    @property
    def recipe(self) -> str:
        """The recipe it was trained by."""
        return str(self.about["recipe"])

    @property
    def trained_on(self) -> str | None:
        """Content hash of the store that it was trained on; None where that is not known."""
        return self.about.get("trained_on")

    @property
    def read_out(self) -> ReadOut:
        """Not in an exported file: UserError."""
        raise self._lacking("to reconstruct bodies")

    def reconstruct(self, silhouettes: Sequence[np.ndarray], mesh: str = "", heatmaps: bool = False,
                    rates_hz: Sequence[float] | None = None) -> list[Bodies]:
        """Not in an exported file: UserError."""
        raise self._lacking("to reconstruct bodies")

    def objective(self) -> Any:
        """Not in an exported file: UserError."""
        raise self._lacking("for its objective")

    def diagnostics(self, store: Store, numbers: list[int], seed: int = 0) -> tuple[str, dict[str, Any]] | None:
        """None: an exported file has none."""
        return None
