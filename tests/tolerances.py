"""Which tolerance holds across processors; docs/processors.md says the same in words."""

import pytest

from gaitbridge.machine import processor_units, switches

SUMS = 1e-4  # of numbers around one: the same sums of float32 in another order, of other lengths of vectors and batches

same_rounding = pytest.mark.skipif(
    "AVX-512" not in processor_units() or any(one.startswith(("NPY_", "OPENBLAS_")) for one in switches()),
    reason="the bytes of simulated stores are those of NumPy and its BLAS on AVX-512: others round otherwise")
