"""What a training step of `diffcrossgait/tiny` takes, part by part, beside an earlier commit: each in a process of its own, in turn.

    python benchmarks/training_step.py                              # beside the code before the step was made faster
    python benchmarks/training_step.py --against COMMIT --rounds 5 --steps 10
    ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/training_step.py      # another processor, emulated

The earlier code is read from the repository's history. Batches are noise of the recipe's sizes (dense arithmetic takes as long whatever it is
shown), the same for both, as are weights and random numbers: the losses of the first step must agree but for rounding. Times are the processor's, of
one thread, so that other work moves them little. `data` is the making of the noise, not of reading: what a store gives is read in 1 to 6 % of a
step.
"""

import argparse
import importlib
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

PARTS = ("data", "forward", "objective", "backward of objective", "backward of network", "optimiser")
BEFORE = "46da2e9"
ROOT = Path(__file__).parents[1]


def noise(step: int) -> Any:
    """A batch of 16 people x 4 sequences x 3 frames."""
    import torch

    from gaitbridge.types import Batch

    drawn = torch.rand(64, 3, 64, 44, generator=torch.Generator().manual_seed(step))
    metres = (8 + drawn).masked_fill(drawn > 0.5, float("nan"))
    inputs = {"silhouettes": (drawn > 0.5).to(torch.uint8) * 255, "range_views": metres}
    return Batch(inputs, torch.full((64,), 3), torch.arange(64) // 4, tuple(map(str, range(64))))


def measure(steps: int, precision: str) -> dict[str, Any]:
    """Processor milliseconds of each part by step, and the losses of the first step; as `training.loop` does it, cut where parts meet."""
    import torch

    from gaitbridge.training.config import recipe
    from gaitbridge.training.loop import bf16_is_native, in_float32
    from gaitbridge.training.optimiser import make_optimiser

    torch.set_num_threads(1)
    places = ("gaitbridge.evaluation.embedding.forward", "gaitbridge.evaluation.forward")  # now, and at earlier commits
    importlib.import_module(places[0] if importlib.util.find_spec("gaitbridge.evaluation.embedding") else places[1]).keep_freed_memory()
    config = recipe("diffcrossgait/tiny")
    method = [importlib.import_module(f"gaitbridge.methods.{config.method}.{name}") for name in ("network", "objective")]
    torch.manual_seed(0)
    network, objective = method[0].Network(config.network), method[1].Objective(config.objective, config.network, 60)
    network.to(memory_format=torch.channels_last)
    optimiser = make_optimiser([*network.parameters(), *objective.parameters()], config.optimiser)
    bf16 = precision == "bf16" or (precision == "auto" and bf16_is_native(torch.device("cpu")))
    first: dict[str, float] = {}
    rows = []
    for step in range(3 + steps):  # three to warm up
        ends = [time.process_time()]
        batch = noise(step)
        ends.append(time.process_time())
        torch.manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            features = network(batch)
        features = in_float32(features)
        ends.append(time.process_time())
        cut = [{name: x.detach().requires_grad_() for name, x in group.items()} for group in features[:2]]
        losses = objective(features._replace(embeddings=cut[1], parts=cut[0]), batch, 0.5)
        total = torch.stack(list(losses.values())).sum()
        ends.append(time.process_time())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        ends.append(time.process_time())
        pairs = [(group[name], x.grad) for group, leaves in zip(features[:2], cut, strict=True) for name, x in leaves.items() if x.grad is not None]
        torch.autograd.backward([x for x, _ in pairs], [gradient for _, gradient in pairs])
        ends.append(time.process_time())
        optimiser.step()
        ends.append(time.process_time())
        first = first or {name: float(loss.detach()) for name, loss in losses.items()}
        rows.append([1e3 * (end - begin) for begin, end in pairwise(ends)])
    return {"bf16": bf16, "losses": first, "rows": rows[3:]}


def main() -> None:
    """Print both codes' parts and how many times as long the earlier one takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", default=BEFORE)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--precision", choices=("auto", "float32", "bf16"), default="auto")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.steps, asked.precision)))
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "-C", str(ROOT), "archive", asked.against, "src"], capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", folder], input=archive, check=True)
        found: dict[str, list[dict[str, Any]]] = {"before": [], "now": []}
        for _ in range(asked.rounds):
            for name, source in (("before", Path(folder) / "src"), ("now", ROOT / "src")):
                command = [sys.executable, __file__, "--one", "--steps", str(asked.steps), "--precision", asked.precision]
                environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
                found[name].append(json.loads(done.stdout.splitlines()[-1]))
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
                     platform.processor())
    switch = os.environ.get("ONEDNN_MAX_CPU_ISA", "its own")
    print(f"now {head}, before {asked.against}; {processor}, ONEDNN_MAX_CPU_ISA={switch}, load {os.getloadavg()[0]:.1f}")
    totals: dict[str, list[float]] = {}
    for name, runs in found.items():
        totals[name] = [statistics.median(sum(row) for row in run["rows"]) for run in runs]
        whole = statistics.median(totals[name])
        print(f"{name}, {'bf16' if runs[0]['bf16'] else 'float32'}: {whole:.0f} ms a step ({min(totals[name]):.0f} to {max(totals[name]):.0f})")
        for number, part in enumerate(PARTS):
            own = [statistics.median(row[number] for row in run["rows"]) for run in runs]
            print(f"  {part:24} {statistics.median(own):6.1f} ms ({min(own):.1f} to {max(own):.1f})  {100 * statistics.median(own) / whole:4.1f} %")
    ratios = [before / now for before, now in zip(totals["before"], totals["now"], strict=True)]
    print(f"before takes {statistics.median(ratios):.2f} times as long ({min(ratios):.2f} to {max(ratios):.2f})")
    apart = {name: abs(loss - found["now"][0]["losses"][name]) / abs(loss) for name, loss in found["before"][0]["losses"].items() if loss}
    print(f"losses of the first step are {max(apart.values()):.0e} apart at most ({max(apart, key=lambda name: apart[name])})")


if __name__ == "__main__":
    main()
