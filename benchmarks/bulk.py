"""How fast stores are embedded: sequences a second of `embed`, from the store to embeddings, against eager PyTorch on the same cores.

    python benchmarks/bulk.py [--networks gaitbase deepgaitv2-sustech1k diffcrossgait-tiny] [--ways ...] [--repeats 3] [--sequences 24]
        [--frames 10 30] [--threads 1 | --processes 1]

A store of silhouettes of noise is made in a temporary folder, of walks of --frames to --frames frames. Networks of published size have weights
drawn at random. Each way embeds the whole store, reading, unpacking and padding included; the ways take turns in an order that rotates, in one
process. With --processes several do so at the same time, a share of the store each, one thread each, as `embed` under torchrun; the slowest counts.
Times are of the processor (a busy machine stretches the clock on the wall), with more than one thread of the clock: sequences a second, median of
the repeats (least to most); ratios of the same repeat.

eager: the network written down plainly (benchmarks/embedding.py; the tiny DiffCrossGait as it is), the system's memory settings;
it knows nothing of padding, so that its embeddings of shorter walks are others. plain: this package's network. folded: its float32
twin, what `gaitbridge embed` takes by default. digits: `embed --digits`. onnx, openvino: exported, float32. onnx-int8, openvino-int8: by
bytes. read: no network, all else.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported; PyTorch's own threads are set below

import argparse
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from embedding import Eager, build, emulated, keep_memory  # type: ignore[import-not-found]  # beside this file
from torch import Tensor

from gaitbridge import plugins
from gaitbridge.conventions import stream
from gaitbridge.evaluation.embedding.forward import embed_arrays
from gaitbridge.inference.contract import names_of
from gaitbridge.inference.export import _traced, write_onnx, write_openvino
from gaitbridge.inference.fast import Fast, difference
from gaitbridge.inference.int8 import quantize
from gaitbridge.inference.onnx_network import OnnxNetwork
from gaitbridge.inference.openvino_network import OpenvinoNetwork
from gaitbridge.machine import described, keep_freed_memory
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.types import Batch, Labels, Sequence

NETWORKS = ("gaitbase", "deepgaitv2-sustech1k", "deepgaitv2-gait3d", "diffcrossgait-tiny")
WAYS = ("plain", "folded", "digits", "onnx", "openvino", "onnx-int8", "openvino-int8", "read")


class Reader:
    """Everything but the network: what reading, unpacking and padding take."""

    def __init__(self, network: Any) -> None:
        self.inputs, self.config = network.inputs, network.config

    def eval(self) -> None:
        """Nothing to do."""

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """Zeros."""
        return {modality: torch.zeros(len(batch.frames), 1, 1) for modality in self.inputs}


def make_store(path: Path, count: int, frames: tuple[int, int]) -> Store:
    """Walks of noise in blobs, which compress somewhat as silhouettes do."""
    random, sequences = stream(0, "bulk"), []
    for number in range(count):
        length = int(random.integers(frames[0], frames[1] + 1))
        pictures = np.where((random.random((length, 16, 11)) < 0.5).repeat(4, 1).repeat(4, 2), 255, 0).astype(np.uint8)
        labels = Labels(f"{number:04}/normal-0/090", f"{number:04}", "test", "normal", 0, "090", 90.0, 9.0)
        sequences.append(Sequence(labels, {"silhouettes": pictures, "silhouettes_time_s": np.arange(length) / 10,
                                           "range_views": np.where(pictures > 0, np.float32(9), np.float32(np.nan)),
                                           "range_views_time_s": np.arange(length) / 10}))
    shard = write_shard(path, "000", sequences)
    finish_store(path, [shard.stem], {})
    return Store(path)


def network_of(name: str) -> tuple[Any, Any]:
    """A network of weights drawn at random, and the same written down plainly."""
    if name != "diffcrossgait-tiny":
        network = build(name)
        eager: Any = Eager(network).eval()
        eager.inputs, eager.config = network.inputs, network.config
        return network, eager
    module = plugins.load("gaitbridge.methods.diffcrossgait", "network")
    torch.manual_seed(0)
    sizes = {"channels": (16, 32, 64), "strides": (1, 2, 1), "stem_stride": 2, "parts": 16, "embedding": 64}
    network = module.Network(module.NetworkConfig(**sizes)).eval()
    return network, network  # its own code is the plain one


def exported(network: Any, way: str, store: Store, folder: Path) -> Any:
    """The network exported and opened again."""
    inputs = {modality: list(names) for modality, names in network.inputs.items()}
    about = names_of(list(inputs)) | {"inputs": inputs, "size": list(network.config.size), "distance": network.distance, "weights_hash": ""}
    made = folder / "made.onnx"
    _traced(network, inputs, names_of(list(inputs)), tuple(network.config.size)).save(made)
    if way.endswith("int8"):
        quantize(made, about, store)
    if way.startswith("onnx"):
        write_onnx(made, folder / f"{way}.onnx", about)
        return OnnxNetwork(folder / f"{way}.onnx")
    write_openvino(made, folder / f"{way}.xml", about)
    return OpenvinoNetwork(folder / f"{way}.xml")


def take_turns(name: str, given: argparse.Namespace, path: Path, rank: int, ready: Any) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Of one process: the seconds of each way's turns, and how far its embeddings are from the plain network's. ready: a barrier of all, or None."""
    torch.set_num_threads(given.threads)
    keep_freed_memory()  # once: from here on each way has its own setting
    store = Store(path)
    mine = np.arange(rank, len(store.rows), given.processes)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(False), torch.no_grad():
        network, eager = network_of(name)
        makers: dict[str, Callable[[], Any]] = {"eager": lambda: eager, "plain": lambda: network, "folded": lambda: Fast(network),
                                                "digits": lambda: Fast(network, by_digits=True), "read": lambda: Reader(network)}
        ways = {way: makers.get(way, lambda way=way: exported(network, way, store, Path(folder)))() for way in ["eager", "plain", *given.ways]}

    def whole(way: str) -> np.ndarray:
        keep_memory(way != "eager")
        found = []
        for some in np.array_split(mine, max(1, len(mine) // 64)):
            arrays = [one.arrays["silhouettes"] for one in store.read_many(some.tolist(), ["silhouettes"])]
            found.append(embed_arrays(ways[way], "silhouettes", {"silhouettes": arrays}))
        return np.concatenate(found)

    wanted, apart = torch.from_numpy(whole("plain")), {}
    for way in ways:
        found = torch.from_numpy(whole(way))  # and warms up
        apart[way] = difference(found, wanted) if way != "read" else float("nan")
    taken: dict[str, list[float]] = {way: [] for way in ways}
    clock, names = (time.process_time if given.threads == 1 else time.perf_counter), list(ways)
    for repeat in range(given.repeats):
        for way in names[repeat % len(names) :] + names[: repeat % len(names)]:
            if ready is not None:
                ready.wait()
            started = clock()
            whole(way)
            taken[way].append(clock() - started)
    return taken, apart


def _process(name: str, given: argparse.Namespace, path: Path, rank: int, ready: Any, results: Any) -> None:
    results.put(take_turns(name, given, path, rank, ready))


def measure(name: str, given: argparse.Namespace, path: Path) -> None:
    """Measure the ways of one network, and print."""
    if given.processes == 1:
        found = [take_turns(name, given, path, 0, None)]
    else:
        context = multiprocessing.get_context("spawn")
        ready, results = context.Barrier(given.processes), context.Queue()
        workers = [context.Process(target=_process, args=(name, given, path, rank, ready, results)) for rank in range(given.processes)]
        for worker in workers:
            worker.start()
        found = [results.get() for _ in workers]
        for worker in workers:
            worker.join()
    store = Store(path)
    taken = {way: [max(turns) for turns in zip(*(own[way] for own, _ in found), strict=True)] for way in found[0][0]}
    frames = sum(int(row["silhouettes_frames"]) for row in store.rows)
    print(f"{name}: {len(store.rows)} sequences, {frames} frames of 64 x 44")
    for way, times in taken.items():
        rates, ratios = sorted(len(store.rows) / one for one in times), sorted(slow / one for slow, one in zip(taken["eager"], times, strict=True))
        print(f"  {way:13} {statistics.median(rates):8.2f} sequences/s ({rates[0]:.2f} to {rates[-1]:.2f}); eager takes "
              f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}) times as long; "
              f"{max(apart[way] for _, apart in found):.0e} from plain's", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sequences", type=int, default=24)
    parser.add_argument("--frames", nargs=2, type=int, default=[10, 30])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    given = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    print(f"command   python benchmarks/bulk.py {' '.join(sys.argv[1:])}")
    print(f"commit    {commit.stdout.strip() or 'unknown'}")
    print(f"hardware  {described()}, {given.processes} processes of {given.threads} "
          f"threads; torch {torch.__version__}")
    print(f"emulated  {emulated()}")
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "store", given.sequences, tuple(given.frames))
        for name in given.networks:
            measure(name, given, store.path)


if __name__ == "__main__":
    main()
