"""The matrix products behind quick bounds: NumPy's in float32, or bfloat16 units of the processor through torch where they are worth its start."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Made = TypeVar("Made")
WORTH_TORCH = 4e10  # multiplications from which torch's start (some seconds) pays


class Product:
    """Sums over parts of products in float32, by NumPy, whose BLAS uses the cores itself."""

    coarse = False

    def prepare(self, factors: np.ndarray) -> Any:
        """The probes' factors [K, n, C] as `sums` takes them."""
        return factors

    def sums(self, left: Any, right: np.ndarray, roots: bool) -> np.ndarray:
        """float32 [n, m]: the sum over parts of the products of left [K, n, C] and right [K, m, C], or of their roots (NaN of what is negative)."""
        out = np.zeros((len(left[0]), right.shape[1]), np.float32)
        part = np.empty_like(out)
        for k in range(len(right)):
            self.product(left[k], right[k], part)
            if roots:
                with np.errstate(invalid="ignore"):
                    np.sqrt(part, out=part)
            out += part
        return out

    def product(self, x: Any, y: np.ndarray, out: np.ndarray) -> None:
        """out = x y^T."""
        np.matmul(x, y.T, out=out)

    def each(self, work: Callable[[int], Made], items: Iterable[int]) -> Iterator[Made]:
        """work(item) of each, in order."""
        return map(work, items)


class CoarseProduct(Product):
    """The same with factors of 8 bits in bfloat16 units, by torch; blocks in threads of our own, which do not wait for each other."""

    coarse = True

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.threads = threads

    def prepare(self, factors: np.ndarray) -> Any:
        import torch

        return torch.from_numpy(factors)

    def product(self, x: Any, y: np.ndarray, out: np.ndarray) -> None:
        import torch

        torch.mm(x, torch.from_numpy(y).T, out=torch.from_numpy(out))

    def each(self, work: Callable[[int], Made], items: Iterable[int]) -> Iterator[Made]:
        return self.threads.map(work, items)


@contextmanager
def product_for(pairs: int, length: int, coarse: bool | None = None) -> Iterator[Product]:
    """The product for so many pairs of embeddings of `length` numbers; coarse: force it (None: where the processor is made for it)."""
    if coarse is None:
        coarse = float(pairs) * length >= WORTH_TORCH and _has_units() and _is_right()
    if not coarse:
        yield Product()
        return
    with _bfloat16() as threads:
        yield CoarseProduct(threads)


@cache
def _has_units() -> bool:
    """Whether the processor multiplies matrices of bfloat16 (Intel AMX; a plain AVX-512 unit gains less than torch's start costs)."""
    file = Path("/proc/cpuinfo")
    return file.is_file() and "amx_bf16" in file.read_text()


@cache
def _is_right() -> bool:
    """Whether torch, asked for bfloat16, gives what the bounds count on: sums in float32 of exact products."""
    random = np.random.default_rng(0)
    x, y = (np.round(random.standard_normal((64, 96)) * 32).astype(np.float32) for _ in range(2))  # 8 bits each
    out = np.empty((64, 64), np.float32)
    with _bfloat16() as threads:
        product = CoarseProduct(threads)
        product.product(product.prepare(x), y, out)
    return bool((out == x @ y.T).all())


@contextmanager
def _bfloat16() -> Iterator[ThreadPoolExecutor]:
    """Threads in which torch multiplies float32 matrices in bfloat16; its settings are as before afterwards."""
    import torch

    settings: Any = torch.backends.mkldnn
    before, threads = settings.matmul.fp32_precision, torch.get_num_threads()
    asked = os.environ.get("OMP_NUM_THREADS", "")
    count = int(asked) if asked.isdigit() and int(asked) else threads
    torch.set_num_threads(1)
    settings.matmul.fp32_precision = "bf16"
    try:
        with ThreadPoolExecutor(count, initializer=lambda: torch.set_num_threads(1)) as pool:
            yield pool
    finally:
        settings.matmul.fp32_precision = before
        torch.set_num_threads(threads)
