"""On processors with fewer instructions, emulated, every way of embedding keeps its bound, and whole numbers are taken only where exact."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import json

import torch
from gaitbridge.inference.fast import difference
from gaitbridge.models import digits
from gaitbridge.models.folding import folded
from test_fast import WIDE, batch, network

plain, given = network("deepgaitv2", WIDE), batch(8, 3)
digits.pays = lambda by_digits, without: True
with torch.inference_mode():
    wanted = plain.embed(given)["silhouettes"]
    ways = {"folded": folded(plain)} | ({"digits": folded(plain, by_digits=True)} if digits.supported() else {})
    print(json.dumps({way: difference(twin.embed(given)["silhouettes"], wanted) for way, twin in ways.items()}))
"""
OLD = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}


@pytest.mark.skipif(sys.platform != "linux", reason="the switches are those of Linux builds")
@pytest.mark.parametrize(("switches", "by_digits"), [(OLD, False), ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, False),
                                                     ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}, None)])
def test_every_way_keeps_its_bound(switches: dict[str, str], by_digits: bool | None) -> None:
    place = os.path.dirname(__file__)
    environment = {**os.environ, **switches, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([place, *sys.path])}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=300, check=True)
    apart: dict[str, float] = json.loads(done.stdout)
    assert apart["folded"] < 2e-5
    assert by_digits is None or ("digits" in apart) is by_digits  # with VNNI it is up to the processor that emulates
    assert apart.get("digits", 0) < 1e-3
