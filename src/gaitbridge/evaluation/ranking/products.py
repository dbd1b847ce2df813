"""Which way bounds are computed: in float32 by NumPy where the job is small; else by torch, in float32 or in whole numbers of 8 bits, whichever is
quicker on this processor by a measurement.

By torch, blocks belong to threads of our own, each of which multiplies alone: none waits for another, however busy the machine is.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypeVar

import numpy as np

from gaitbridge.evaluation.ranking.bounds import FloatGallery, Frame, Prepared, by_numpy, frame_of
from gaitbridge.evaluation.ranking.distances import Side
from gaitbridge.machine import cores, keep_freed_memory
from gaitbridge.types import Distance

Made = TypeVar("Made")
Kind = Literal["numpy", "float32", "8 bits", "7 bits of the gallery", "7 bits of the probes"]
COARSER: dict[Kind, tuple[int, int]] = {"8 bits": (1, 1), "7 bits of the gallery": (1, 2), "7 bits of the probes": (2, 1)}  # see WholeGallery
WORTH_TORCH = 4e10  # multiplications from which torch's start (a second) pays
WORTH_LOADED = 1e9  # and from which its threads do, where torch is there already
WORTH_WHOLE = 0.8  # of float32's time at most: whole numbers leave more pairs to look at
PREPARED_AT_ONCE = 512  # gallery sequences
MOST_CHANNELS = 30_000  # whose squares an int32 holds
TRIED = (512, 1024)  # probes and gallery sequences of the measurement


class Way:
    """By NumPy, one block after the other."""

    def __init__(self, kind: Kind = "numpy") -> None:
        self.kind = kind

    def each(self, work: Callable[[int], Made], items: Iterable[int]) -> Iterator[Made]:
        """work(item) of each, in order."""
        return map(work, items)

    def prepared(self, gallery: Side, kind: Distance) -> Prepared:
        """The gallery, ready for bounds."""
        made = _empty(self.kind, gallery, frame_of(gallery, kind))

        def fill(start: int) -> None:
            made.fill(gallery.take(slice(start, start + PREPARED_AT_ONCE)), start)

        for _ in self.each(fill, range(0, len(gallery), PREPARED_AT_ONCE)):
            pass
        return made


class Threads(Way):
    """By torch, blocks in threads of our own."""

    def __init__(self, kind: Kind, threads: ThreadPoolExecutor) -> None:
        super().__init__(kind)
        self.threads = threads

    def each(self, work: Callable[[int], Made], items: Iterable[int]) -> Iterator[Made]:
        """See Way."""
        return self.threads.map(work, items)


@contextmanager
def way_for(pairs: int, channels: int, parts: int, kind: Kind | None = None) -> Iterator[Way]:
    """The way for so many pairs of embeddings [channels, parts]; kind: force one."""
    if kind is None and float(pairs) * channels * parts < (WORTH_LOADED if "torch" in sys.modules else WORTH_TORCH):
        kind = "numpy"
    if kind == "numpy":
        yield Way()
        return
    with _threads() as threads:
        yield Threads(kind or quickest(channels), threads)


def _empty(kind: Kind, gallery: Side, frame: Frame) -> Any:
    if kind == "numpy":
        return FloatGallery.empty(frame, len(gallery), by_numpy)
    if kind == "float32":
        return FloatGallery.empty(frame, len(gallery), _by_torch)
    from gaitbridge.evaluation.ranking.whole_numbers import WholeGallery  # torch is not loaded for a small job

    return WholeGallery.empty(frame, gallery, COARSER[kind])


def _by_torch(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    import torch

    torch.mm(torch.from_numpy(x), torch.from_numpy(y).T, out=torch.from_numpy(out))


@cache
def quickest(channels: int) -> Kind:
    """The quickest way to bound distances by parts of so many channels on this processor."""
    whole = exact_kind()
    if whole is None or channels > MOST_CHANNELS:
        return "float32"
    random = np.random.default_rng(0)
    probes, gallery = (random.standard_normal((size, channels, 4), dtype=np.float32) for size in TRIED)
    side = Side(gallery, np.arange(len(gallery)))
    times = {}
    for kind in ("float32", whole):
        bounds = Way(kind).prepared(side, "euclidean").block(probes)
        times[kind] = min(_seconds(lambda bounds=bounds: bounds.low(0, len(gallery))) for _ in range(4))  # type: ignore[misc]
    return whole if times[whole] < WORTH_WHOLE * times["float32"] else "float32"


def _seconds(work: Callable[[], Any]) -> float:
    """Of this thread's own, whatever else the processor does."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


@cache
def exact_kind() -> Kind | None:
    """The whole numbers that torch multiplies without loss; None where there are none.

    Processors without instructions for bytes (AVX-512 without VNNI, AVX2) cut off sums of two products at 16 bits; they need one side in 7 bits.
    """
    try:
        return next((kind for kind, (ours, theirs) in COARSER.items() if _is_exact(127 // ours, 127 // theirs)), None)
    except (AttributeError, RuntimeError):  # another processor's or release's torch, which lacks an operator
        return None


def _is_exact(ours: int, theirs: int) -> bool:
    """Products of whole numbers up to `ours` with such up to `theirs`, the largest foremost, in full tiles and odd ones; those of single pairs."""
    import torch

    random = np.random.default_rng(0)
    for rows, columns, channels in ((*TRIED, 256), (37, 101, 100), (1, 17, 4), (33, 1, 64), (64, 48, 1040)):
        x, y = (random.choice([-end, -end, end, end, 1], (size, channels)).astype(np.int8) for size, end in ((rows, ours), (columns, theirs)))
        for number, signs in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1))):  # rows and columns of one sign: the largest sums
            x[number::7], y[number::9] = signs[0] * ours, signs[1] * theirs
        found = torch.empty(rows, columns, dtype=torch.int32)
        torch._int_mm(torch.from_numpy(x), torch.from_numpy(y).T, out=found)
        if (found.numpy() != x.astype(np.float64) @ y.T.astype(np.float64)).any():
            return False
    from gaitbridge.evaluation.ranking.whole_numbers import products_of

    one, other = torch.arange(3.0).view(1, 1, 3), torch.arange(120.0).view(1, 40, 3)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")  # said once a process
        return bool((products_of(one, other, np.array([0, 0]), np.array([0, 39]))[0] == [5.0, 356.0]).all())


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Threads in which torch multiplies float32 as such; its settings are as before afterwards."""
    import torch

    keep_freed_memory()  # new pages take turns: two threads that ask for them all the time need twice their time
    settings: Any = torch.backends.mkldnn
    before, threads = settings.matmul.fp32_precision, torch.get_num_threads()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    count = int(asked) if asked.isdigit() and int(asked) else cores()
    torch.set_num_threads(1)
    settings.matmul.fp32_precision = "ieee"
    try:
        with ThreadPoolExecutor(count, initializer=lambda: torch.set_num_threads(1)) as pool:
            yield pool
    finally:
        settings.matmul.fp32_precision = before
        torch.set_num_threads(threads)
