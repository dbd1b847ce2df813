"""How fast networks embed on a CPU: eager PyTorch, the plain network of this package, and ways to make it faster.

    python benchmarks/embedding.py [--networks gaitbase deepgaitv2-sustech1k deepgaitv2-gait3d] [--repeats 5] [--sequences 3] [--frames 20]
        [--onnx] [--compile]

Published sizes, weights drawn at random, norms with statistics, silhouettes of noise; the time of dense arithmetic does not depend on what is
shown. The contestants take turns in one process, one thread, in an order that rotates. Milliseconds of processor time a frame (a busy machine
stretches the clock on the wall): the median of the repeats (least to most); ratios of the same repeat.

eager: the network written down plainly in eager PyTorch, batch norms on their own, PyTorch's memory format and the system's memory settings, 3D
convolutions as `nn.Conv3d`. plain: this package's network (channels last, memory kept). folded,
digits: the fast ways of `Model.embed`, the latter where the processor has the units. bf16: the plain
network under autocast. onnx: the plain network exported, by ONNX Runtime. compile: the plain network by torch.compile with frozen weights.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import ctypes
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge import plugins
from gaitbridge.inference.fast import difference
from gaitbridge.machine import described
from gaitbridge.models import digits
from gaitbridge.models.folding import folded
from gaitbridge.models.pooling import horizontal_pyramid
from gaitbridge.types import Batch

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "gaitbase": ("gaitbase", {}),
    "deepgaitv2-sustech1k": ("deepgaitv2", {"blocks": (1, 1, 1, 1)}),
    "deepgaitv2-gait3d": ("deepgaitv2", {}),
}


def emulated() -> str:
    """The switches that let libraries use fewer instructions than there are, as set."""
    switches = ("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY")
    return " ".join(f"{name}={os.environ[name]}" for name in switches if name in os.environ) or "nothing"


def keep_memory(kept: bool) -> None:
    """Let the C library keep freed memory, as `embed` does, or not, as it comes (glibc alone)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-4, 0 if kept else 65536)  # M_MMAP_MAX
        mallopt(-1, 2**31 - 1 if kept else 131072)  # M_TRIM_THRESHOLD


class EagerBlock(nn.Module):
    """A block of `models.pseudo3d` on [N, C, T, H, W] by nn.Conv3d and nn.BatchNorm3d."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.conv1, self.norm1, self.conv2, self.norm2 = conv3d(block.conv1), norm3d(block.norm1), conv3d(block.conv2), norm3d(block.norm2)
        self.over_time = hasattr(block, "over_time")
        if self.over_time:
            weight = block.over_time.conv.weight.data
            channels = len(weight)
            self.conv_time, self.norm_time = nn.Conv3d(channels, channels, (3, 1, 1), 1, (1, 0, 0), bias=False), norm3d(block.norm_time)
            self.conv_time.weight.data = weight.view(channels, 3, channels, 1, 1).transpose(1, 2).contiguous()
        changes = isinstance(block.shortcut, nn.Sequential)
        self.shortcut = nn.Sequential(conv3d(block.shortcut[0]), norm3d(block.shortcut[1])) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.conv1(x)))
        if self.over_time:
            inner = functional.relu(inner + self.norm_time(self.conv_time(inner)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


def conv3d(conv: nn.Conv2d) -> nn.Conv3d:
    """A convolution of pictures as one of volumes."""
    made = nn.Conv3d(conv.in_channels, conv.out_channels, (1, *conv.kernel_size), (1, *conv.stride), (0, *conv.padding), bias=False)  # type: ignore[arg-type]
    made.weight.data = conv.weight.data[:, :, None].contiguous()
    return made


def norm3d(norm: nn.BatchNorm2d) -> nn.BatchNorm3d:
    """A norm of pictures as one of volumes."""
    made = nn.BatchNorm3d(norm.num_features)
    made.load_state_dict(norm.state_dict())
    return made


class Eager(nn.Module):
    """GaitBase or DeepGaitV2 written down plainly."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.blocks = nn.Sequential(*map(EagerBlock, network.stages.blocks)) if hasattr(network, "stages") else None

    def embed(self, batch: Batch) -> dict[str, Tensor]:
        """As the network's own."""
        x = batch.inputs["silhouettes"].float() / 255
        shape, flat = x.shape[:2], x.flatten(0, 1)[:, None]
        if self.blocks is None:
            maps = self.network.encoder(flat).unflatten(0, shape).amax(1)
        else:
            maps = self.blocks(self.network.stem(flat).unflatten(0, shape).transpose(1, 2)).amax(2)
        return {"silhouettes": self.network.shared(horizontal_pyramid(maps, self.network.config.bins))}


def build(name: str) -> Any:
    """A network of published size whose norms have statistics."""
    method, settings = NETWORKS[name]
    module = plugins.load(f"gaitbridge.methods.{method}", "network")
    torch.manual_seed(0)
    network = module.Network(module.NetworkConfig(**settings))
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1, 0.1)
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            part.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return network.eval()


def by_onnx(network: Any, batch: Batch, folder: str) -> Callable[[], Tensor]:
    """The network exported for this shape of batch, run by ONNX Runtime on one thread."""
    import onnxruntime

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.network.embed(batch._replace(inputs={"silhouettes": x}))["silhouettes"]
            return found

    file, x = f"{folder}/network.onnx", batch.inputs["silhouettes"]
    with torch.inference_mode(False), torch.no_grad():
        torch.onnx.export(Graph().eval(), (x.clone(),), file, dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def by_compiler(network: Any, batch: Batch) -> Callable[[], Tensor]:
    """The network by torch.compile."""
    import torch._inductor.config

    torch._inductor.config.freezing = True
    compiled = torch.compile(lambda x: network.embed(batch._replace(inputs={"silhouettes": x}))["silhouettes"])
    return lambda: compiled(batch.inputs["silhouettes"])


def in_bf16(network: Any, batch: Batch) -> Tensor:
    """Embeddings under autocast."""
    with torch.autocast("cpu", torch.bfloat16):
        found: Tensor = network.embed(batch)["silhouettes"].float()
    return found


def measure(name: str, given: argparse.Namespace, folder: str) -> None:
    """Measure the contestants of one network, and print."""
    with torch.inference_mode(False), torch.no_grad():
        network = build(name)  # the exporter takes no inference tensors, nor does a weight that is set
        eager, twin, by_digits = Eager(network).eval(), folded(network), folded(network, by_digits=True) if digits.supported() else None
    pictures = (torch.rand(given.sequences, given.frames, 64, 44) > 0.5).to(torch.uint8) * 255
    batch = Batch({"silhouettes": pictures}, torch.full((given.sequences,), given.frames), torch.full((given.sequences,), -1))
    ways: dict[str, Callable[[], Tensor]] = {
        "eager": lambda: eager.embed(batch)["silhouettes"],
        "plain": lambda: network.embed(batch)["silhouettes"],
        "folded": lambda: twin.embed(batch)["silhouettes"],  # type: ignore[operator]
        "bf16": lambda: in_bf16(network, batch),
    }
    if by_digits is not None:
        ways["digits"] = lambda: by_digits.embed(batch)["silhouettes"]  # type: ignore[operator]
    if given.onnx:
        ways["onnx"] = by_onnx(network, batch, folder)
    if given.compile:
        ways["compile"] = by_compiler(network, batch)
    wanted, apart = ways["eager"](), {}
    for way, embed in ways.items():
        keep_memory(way != "eager")
        apart[way] = difference(embed(), wanted)  # and warms up
    taken: dict[str, list[float]] = {way: [] for way in ways}
    names = list(ways)
    for repeat in range(given.repeats):
        for way in names[repeat % len(names) :] + names[: repeat % len(names)]:
            keep_memory(way != "eager")
            started = time.process_time()
            ways[way]()
            taken[way].append((time.process_time() - started) / given.sequences / given.frames * 1e3)
    print(f"{name}: {given.sequences} sequences of {given.frames} frames of 64 x 44")
    for way, ms in taken.items():
        against = {}
        for slow in ("eager", "plain"):
            ratios = sorted(more / less for more, less in zip(taken[slow], ms, strict=True))
            against[slow] = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"  {way:8} {statistics.median(ms):6.2f} ms ({min(ms):.2f} to {max(ms):.2f}); eager takes {against['eager']} times as long, "
              f"plain {against['plain']}; {apart[way]:.0e} from eager's embeddings", flush=True)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--sequences", type=int, default=3)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--onnx", action="store_true")
    parser.add_argument("--compile", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    print(f"command   python benchmarks/embedding.py {' '.join(sys.argv[1:])}")
    print(f"commit    {commit.stdout.strip() or 'unknown'}")
    print(f"hardware  {described()}, one thread; torch {torch.__version__}")
    print(f"emulated  {emulated()}")
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        for name in given.networks:
            measure(name, given, folder)


if __name__ == "__main__":
    main()
