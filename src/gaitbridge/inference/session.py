"""A trained run taken to use: `gaitbridge.load(RUN).embed(silhouettes=[...])`. Nothing of the training objective is read."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge import clouds, plugins
from gaitbridge.conventions import DEPTH_PICTURES, LIDAR, POINTS
from gaitbridge.data.contents import content_problem
from gaitbridge.data.preparation import fitted
from gaitbridge.errors import UserError, nearest
from gaitbridge.geometry.depth_picture import depth_picture
from gaitbridge.inference.fast import Fast
from gaitbridge.inference.flips import PLAIN, Flipped, Flips, hash_of
from gaitbridge.inference.shipped import CARD
from gaitbridge.run_documents import pointed, read_config, read_provenance
from gaitbridge.simulation.body._read_out import ReadOut
from gaitbridge.simulation.truth import read_out_of
from gaitbridge.store import Store
from gaitbridge.training.checkpoint import at, fill, weights_hash
from gaitbridge.training.config import METHODS, to_use
from gaitbridge.types import Bodies, Embeddings, array_problem
from gaitbridge.walks import NONSENSE
from gaitbridge.walks.quality import problem as quality_problem
from gaitbridge.walks.quality import walk_quality


class Model:
    """A network with its weights. `modalities`, `distance`, `weights_hash`, `config`, `flips` say what it is.

    `weights_hash` of one that flips at test is another than of one that does not: their embeddings do not compare. `deployed` is what embeds, in
    plain PyTorch.
    """

    def __init__(self, run: Path, which: str = "best", device: str = "cpu", fast: bool = True, digits: bool = False,
                 flips: Flips | None = None) -> None:
        file = run / "config.json"
        if not file.is_file():
            raise UserError(f"{run} is not a run (no config.json): train one with `gaitbridge train RECIPE --data STORE --out {run}`")
        self.config = to_use(read_config(run))
        folder = pointed(run, at(int(which)) if which.isdecimal() else which)
        if folder is None and which.isdecimal():
            raise UserError(f"{run} kept no checkpoint of step {which}: it keeps those of its setting keep_at ({list(self.config.keep_at)})")
        if folder is None:
            raise UserError(f"{run} has no checkpoint yet: finish its training with --resume")
        module = plugins.load(f"{METHODS}.{self.config.method}", "network")
        try:
            self.network = module.Network(self.config.network)
        except ValueError as error:
            raise UserError(f"{file}: settings that do not fit each other ({error}): restore it, or train again") from error
        weights = fill(self.network, folder, "network")
        self.run, self.folder, self.device = run, folder, device
        self.flips: Flips = self.config.flips if flips is None else flips
        self.weights_hash = hash_of(weights_hash(weights), self.flips)
        self.modalities, self.distance, self.inputs = tuple(self.network.inputs), self.network.distance, self.network.inputs
        self.network.to(device).eval()
        self.deployed: Any = self._flipping(self.network)
        self.embedder: Any = self._flipping(Fast(self.network, digits)) if fast and device == "cpu" else self.deployed

    def _flipping(self, network: Any) -> Any:
        return network if self.flips == PLAIN else Flipped(network, self.flips, self.distance)

    def embed(self, *, least_quality: float = NONSENSE, **sequences: Sequence[np.ndarray]) -> Embeddings:
        """Embed sequences of one modality, named: `embed(silhouettes=[...])` or `embed(range_views=[...])`.

        silhouettes: uint8 [T, H, W], 0 to 255, each a walk; range_views: float32 [T, H, W] in metres, NaN where nothing came back; networks that
        take more want that by name as well, such as `embed(silhouettes=[...], smpl=[...])` (`inputs` says; types.ARRAYS has the shapes).
        points: float32 [P, 5] each, as a store keeps them (`clouds`), or a list with the points [P_t, 3] of each frame, metres, z up. T may differ
        between sequences, H x W is the network's size or wider (64 x 64 is cut to 64 x 44). Returns `Embeddings` whose `values` is
        float32 [N, C, K]. A network of depth pictures takes range views too, in metres or as pictures. Raises UserError on unknown or missing names,
        an empty list, a wrong dtype, size, number of axes, or values that are none (`data.contents`): masks of 0 and 1, millimetres, 0 where
        nothing came back, a walk in which nothing shows.

        least_quality: what is below (`walks.quality`) is refused, UserError: noise, a forearm, half of somebody who stands. The default refuses what
        is no walk of anybody; a gallery's commands ask for more; 0 embeds whatever it is.
        """
        return self._embedded(sequences, content_problem, least_quality)

    def embed_stored(self, **sequences: Sequence[np.ndarray]) -> Embeddings:
        """As `embed`, of arrays as a store holds them, whose values were looked at when it was made: a walk in which nothing shows counts, too."""
        return self._embedded(sequences, None)

    def _embedded(
        self, sequences: Mapping[str, Sequence[np.ndarray]], problem_in: Callable[[str, np.ndarray], str] | None, least_quality: float = 0.0
    ) -> Embeddings:
        from gaitbridge.evaluation.embedding.forward import embed_arrays

        for name, arrays in sequences.items():
            _check_list(name, arrays)
        if set(sequences) == {LIDAR} and LIDAR not in self.inputs and DEPTH_PICTURES in self.inputs:
            sequences = {DEPTH_PICTURES: [_as_pictures(f"{LIDAR}[{n}]", array, problem_in) for n, array in enumerate(sequences[LIDAR])]}
        modality = self._modality(sequences)
        if POINTS in sequences:
            sequences = {**sequences, POINTS: [_as_walk(one) for one in sequences[POINTS]]}
        for name, arrays in sequences.items():
            for number, array in enumerate(arrays):
                self._check(name, number, array, problem_in)
        if not sequences[modality]:
            raise UserError(f"no {modality} to embed: give a list of arrays, one a sequence")
        if len(counts := {name: len(arrays) for name, arrays in sequences.items()}) > 1 and len(set(counts.values())) > 1:
            raise UserError(f"as many sequences of each are needed, not {' and '.join(f'{n} of {name}' for name, n in counts.items())}")
        if least_quality > 0:
            for number in range(len(sequences[modality])):
                one = {name: arrays[number] for name, arrays in sequences.items()}
                if len(one[modality]) and (problem := quality_problem(walk_quality(one), least_quality)):
                    raise UserError(f"{modality}[{number}]: {problem}; least_quality=0 embeds it all the same")
        values = embed_arrays(self.embedder, modality, sequences, self.device)
        frames = tuple(clouds.frame_count(one) if one.ndim == 2 else len(one) for one in sequences[modality])
        return Embeddings(values, self.distance, modality, self.weights_hash, frames=frames)

    def _modality(self, given: Mapping[str, object]) -> str:
        """The modality whose arrays are given; UserError where they are not exactly those of one."""
        for modality, names in self.inputs.items():
            if set(given) == set(names):
                return str(modality)
        for name in given:
            if name not in (known := {name for names in self.inputs.values() for name in names}):
                raise UserError(f"unknown modality {name!r}: this network takes {' or '.join(sorted(known))}")
        raise UserError(f"embed takes one modality at a time, by name: {' or '.join(' with '.join(names) for names in self.inputs.values())}; "
                        f"given: {', '.join(given) or 'none'}")

    def reconstruct(self, silhouettes: Sequence[np.ndarray], mesh: str = "", heatmaps: bool = False,
                    rates_hz: Sequence[float] | None = None) -> list[Bodies]:
        """The 3D bodies that the network sees in each sequence of silhouettes: joints, markers and mesh of every frame; joints alone where it was
        taught no more.

        silhouettes: uint8 [T, H, W] each; mesh: `convex`, `confidence` or `dense`, by default as the run was trained; heatmaps: keep them as
        well; rates_hz: frames a second of each sequence, 10 where not given, by which frames before and after are looked up that are as long apart as
        in training. The read-out runs here only; embeddings do without it. UserError where this network has no 3D branch, or as `embed`.
        """
        size = tuple(self.config.network.size)  # type: ignore[attr-defined]
        _check_list("silhouettes", silhouettes)
        for number, array in enumerate(silhouettes):
            self._check("silhouettes", number, array, content_problem)
            if array.shape[1:] != size:  # a body belongs to its whole picture
                raise UserError(f"silhouettes[{number}] is {array.shape[1]}x{array.shape[2]}, to reconstruct it must be {size[0]}x{size[1]}")
        if not silhouettes:
            raise UserError("no silhouettes to reconstruct from: give a list of arrays, one a sequence")
        module = plugins.load(f"{METHODS}.meshgait", "reconstruct")
        read_out, trained = self.read_out, self.config.objective.reconstruction  # type: ignore[attr-defined]
        chosen = mesh or ("confidence" if trained.confidence and trained.read_out == "convex" else trained.read_out)
        if chosen not in (known := ("convex", "confidence", "dense")):
            raise UserError(f"unknown mesh {chosen!r}: {nearest(chosen, known)}")
        found: list[Bodies] = module.recover(self.network, silhouettes, read_out, chosen, heatmaps, self.device, rates_hz)
        return found if self.recovers_mesh else [bodies.joints_alone() for bodies in found]

    @property
    def recovers_mesh(self) -> bool:
        """Whether markers and a mesh were taught, and not joints alone or nothing."""
        taught = getattr(self.config.objective, "reconstruction", None)
        return taught is not None and bool(taught.markers or taught.mesh)

    @property
    def recipe(self) -> str:
        """The recipe it was trained by."""
        return self.config.recipe

    @property
    def trained_on(self) -> str | None:
        """Content hash of the store that it was trained on; None where that is not known."""
        return read_provenance(self.run).get("data_hash")

    @property
    def read_out(self) -> ReadOut:
        """Virtual markers and mesh of the body model that the network's 3D branch was trained with; UserError where it has no such branch."""
        encoder, trained = getattr(self.network, "silhouette_encoder", None), getattr(self.config.objective, "reconstruction", None)
        if getattr(encoder, "config", None) is None:
            raise UserError(f"{self.run} has no 3D branch to reconstruct with (recipe {self.config.recipe}): take a run of meshgait/tiny or another "
                            "with heatmaps")
        if trained is None:
            raise UserError(f"{self.run} was trained without 3D truth (objective.reconstruction=null): its heatmaps show no body")
        return read_out_of(trained.body)

    def objective(self) -> Any:
        """The training objective with its weights, for diagnostics alone: embedding never needs it."""
        people = read_provenance(self.run).get("people")
        if people is None:
            raise UserError(f"{self.run / 'provenance.json'} does not say how many people it was trained on: restore it, or train again")
        module = plugins.load(f"{METHODS}.{self.config.method}", "objective")
        objective = module.Objective(self.config.objective, self.config.network, people)
        fill(objective, self.folder, "objective")
        return objective.eval()

    def diagnostics(self, store: Store, numbers: list[int], seed: int = 0) -> tuple[str, dict[str, Any]] | None:
        """(file name, document) of the method's own diagnostics on the sequences `numbers`; None where it has none, or the model is packed without
        what only training needs."""
        if (self.run / CARD).is_file():
            return None
        package = f"{METHODS}.{self.config.method}"
        if "diagnostics" not in plugins.names(package):
            return None
        module = plugins.load(package, "diagnostics")
        document = module.diagnose(self.network, self.objective(), store, numbers, seed)
        return None if document is None else (module.FILE, document)

    def _check(self, name: str, number: int, array: np.ndarray, problem_in: Callable[[str, np.ndarray], str] | None) -> None:
        """UserError where an array is not of the type and axes of `name`, not of the network's size, or where `problem_in` finds one."""
        what = f"{name}[{number}]"
        if problem := array_problem(name, array):
            raise UserError(f"{what} {problem}")
        fitted(array, getattr(self.network.config, "size", None), name, what)
        if problem := problem_in(name, array) if problem_in else "":
            raise UserError(f"{what} {problem}")


def _check_list(name: str, arrays: object) -> None:
    """UserError where what was given is no list with an array a walk."""
    if isinstance(arrays, np.ndarray) and arrays.dtype != object:
        raise UserError(f"{name} must be a list with one array a walk, not one array {list(arrays.shape)}: write list(array) where its first axis "
                        "counts walks, [array] where it is one walk")
    if isinstance(arrays, str | bytes | Mapping) or not isinstance(arrays, Sized) or not isinstance(arrays, Iterable):
        raise UserError(f"{name} must be a list with one array a walk, not a {type(arrays).__name__}")


def _as_walk(walk: Any) -> Any:
    """Points given as a list with those of each frame as one array of a walk; anything else as it is."""
    listed = isinstance(walk, list | tuple) and all(isinstance(one, np.ndarray) and one.ndim == 2 and one.shape[1] == 3 for one in walk)
    return clouds.joined(walk) if listed else walk


def _as_pictures(what: str, view: np.ndarray, problem_in: Callable[[str, np.ndarray], str] | None) -> np.ndarray:
    """Range views float32 [T, H, W] as depth pictures uint8 [T, 3, H, W] that look like the published ones; anything else as it is."""
    if not (isinstance(view, np.ndarray) and view.ndim == 3 and view.dtype.kind == "f" and len(view)):
        return view
    if problem := problem_in(LIDAR, view) if problem_in else "":
        raise UserError(f"{what} {problem}")
    return np.stack([depth_picture(frame) for frame in view])
