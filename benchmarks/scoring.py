"""How long scoring takes and how much memory, beside a plain implementation, each in a process of its own: one figure says nothing on a busy machine.

    python benchmarks/scoring.py                          # 19,200 embeddings [256, 16] in SUSTech1K's form, 3 rounds
    python benchmarks/scoring.py --clusters 40            # people around 40 centres
    python benchmarks/scoring.py --busy 2                 # beside two processes that never rest
    python benchmarks/scoring.py --people 160 --walks 9 --noise 6 --rounds 5
    python benchmarks/scoring.py --protocol oumvlp --people 5154 --views 14 --plain no

The plain implementation computes, as the field's toolkits do, the distances of every part of the protocol and pair of views anew by the expanded
square in float32 (torch), and sorts out the five nearest. The people are random directions with noise, or lie around random centres,
which are `--far` times as long as what tells people apart: only the times are of interest.

Other processors are emulated by the environment, for both sides alike: ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI, or =AVX2 with
ATEN_CPU_CAPABILITY=avx2 MKL_ENABLE_INSTRUCTIONS=AVX2 OPENBLAS_CORETYPE=Haswell.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

WALKS = ("01-nm", "02-bg", "03-nt-nm", "01-cl", "01-cr", "02-ub", "01-uf", "03-oc", "04-nt")
PARTS = {
    "Normal": ("01-nm",), "Bag": ("bg",), "Clothing": ("cl",), "Carrying": ("cr",), "Umbrella": ("ub",), "Uniform": ("uf",),
    "Occlusion": ("oc",), "Night": ("nt",), "Overall": ("01", "02", "03", "04"),
}  # fmt: skip


def write_file(path: Path, asked: argparse.Namespace) -> int:
    """A file of embeddings, written in pieces; returns how many."""
    random = np.random.default_rng(0)
    views = [f"{15 * number:03d}" for number in range(asked.views)]
    keys = []
    for person in range(asked.people):
        kinds = ["00", "01"] if asked.protocol == "oumvlp" else ["00-nm", *random.permutation(WALKS)[: asked.walks]]
        keys += [(f"{person:05d}", kind, view) for kind in kinds for view in views]
    plain = path.with_suffix(".npy")
    values = np.lib.format.open_memmap(plain, "w+", np.float32, (len(keys), asked.channels, asked.parts))
    each = len(keys) // asked.people
    centres = asked.far * random.standard_normal((asked.clusters, asked.channels, asked.parts), dtype=np.float32)
    for person in range(asked.people):
        own = random.standard_normal((asked.channels, asked.parts), dtype=np.float32)
        if asked.clusters:
            own += centres[person % asked.clusters]
        noise = random.standard_normal((each, asked.channels, asked.parts), dtype=np.float32)
        values[person * each : (person + 1) * each] = own + np.float32(asked.noise) * noise
    values.flush()
    labels, types, places = (np.asarray(column) for column in zip(*keys, strict=True))
    np.savez(path, embeddings=np.load(plain, mmap_mode="r"), labels=labels, types=types, views=places)
    plain.unlink()
    return len(keys)


def ours(path: Path, protocol: str) -> dict[str, float]:
    """gaitbridge's numbers."""
    from gaitbridge.data.protocols import load_protocol
    from gaitbridge.evaluation.embedding.file import read_any
    from gaitbridge.evaluation.scoring.compared import Request, compared
    from gaitbridge.evaluation.scoring.published import numbers

    directions, _ = compared(read_any(path), Request(load_protocol(protocol)))
    return {number.name: number.published for side in directions[0].sides for number in numbers(side)}


def plain(path: Path, protocol: str) -> dict[str, float]:
    """The same, cell by cell, of SUSTech1K."""
    import torch

    with np.load(path) as file:
        values, labels, types, places = torch.from_numpy(file["embeddings"]), file["labels"], file["types"], file["views"]
    people = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
    views, found = np.unique(places), {}
    for name, words in PARTS.items():
        probe = np.asarray([any(word in kind for word in words) for kind in types])
        cells = np.full((len(views), len(views)), np.nan)
        for p, probe_view in enumerate(views):
            for g, gallery_view in enumerate(views):
                rows = torch.from_numpy(np.flatnonzero(probe & (places == probe_view)))
                columns = torch.from_numpy(np.flatnonzero((types == "00-nm") & (places == gallery_view)))
                x, y = values[rows], values[columns]
                total = torch.zeros(len(rows), len(columns))
                for part in range(values.shape[2]):
                    a, b = x[:, :, part], y[:, :, part]
                    total += ((a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T).clamp(min=0).sqrt()
                nearest = total.topk(5, largest=False)[1][:, 0]
                cells[p, g] = np.round(int((people[columns][nearest] == people[rows]).sum()) * 100 / len(rows), 2)
        cells[np.eye(len(views), dtype=bool)] = np.nan
        found[f"{name}@R1"] = float(np.nanmean(cells, axis=1).mean())
    return found


def measured(which: str, path: Path, protocol: str) -> dict[str, Any]:
    """Seconds and peak memory of one way in a process of its own, imports and reading included."""
    command = [sys.executable, __file__, "--one", which, "--file", str(path), "--protocol", protocol]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]))


def one(which: str, path: Path, protocol: str) -> None:
    """Run one way and print a line of JSON."""
    start, used = time.perf_counter(), time.process_time()
    found = {"ours": ours, "plain": plain}[which](path, protocol)
    print(json.dumps({
        "seconds": time.perf_counter() - start, "processor_s": time.process_time() - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "metrics": found,
    }))  # fmt: skip


def machine() -> str:
    """The processor, how many cores of it, and how busy it was."""
    from gaitbridge.machine import described

    return f"{described()}, OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}"


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--protocol", default="sustech1k", choices=("sustech1k", "oumvlp"))
    for name, value in (("people", 800), ("walks", 1), ("views", 12), ("channels", 256), ("parts", 16), ("rounds", 3), ("clusters", 0), ("busy", 0)):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--noise", type=float, default=3.0)
    words.add_argument("--far", type=float, default=3.0)
    words.add_argument("--plain", default="yes", choices=("yes", "no"))
    words.add_argument("--folder", type=Path)
    words.add_argument("--one")
    words.add_argument("--file", type=Path)
    asked = words.parse_args()
    if asked.one:
        one(asked.one, asked.file, asked.protocol)
        return
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    print(f"command   python {' '.join(sys.argv)}\ncommit    {commit}\nmachine   {machine()}")
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "embeddings.npz"
        size = write_file(path, asked)
        print(f"file      {size:,} embeddings [{asked.channels}, {asked.parts}], {path.stat().st_size / 1e6:.0f} MB")
        ways = ["ours", "plain"] if asked.plain == "yes" and asked.protocol == "sustech1k" else ["ours"]
        beside = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(asked.busy)]
        try:
            rounds = [{way: measured(way, path, asked.protocol) for way in ways} for _ in range(asked.rounds)]
        finally:
            for process in beside:
                process.kill()
    for way in ways:
        for unit, label in (("seconds", "s"), ("processor_s", "s of processor"), ("peak_mb", "MB at most")):
            values = [made[way][unit] for made in rounds]
            print(f"{way:9} {statistics.median(values):8.1f} {label}  (from {min(values):.1f} to {max(values):.1f})")
    if len(ways) == 2:
        ratios = [made["plain"]["seconds"] / made["ours"]["seconds"] for made in rounds]
        print(f"plain / ours  {statistics.median(ratios):.1f}  (from {min(ratios):.1f} to {max(ratios):.1f})")
        name = "Overall@R1"
        print(f"{name}    ours {rounds[0]['ours']['metrics'][name]:.4f}, plain {rounds[0]['plain']['metrics'][name]:.4f}")


if __name__ == "__main__":
    main()
