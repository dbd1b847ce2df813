"""GaitGraph2's tensors in published checkpoints."""

from gaitbridge.conventions import JOINT_ORDERS
from gaitbridge.methods.gaitgraph2.network import BRANCHES, NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, Target, agreed, axis, block_count, first_axes, linear, norm

HEAD, STREAM = "ResGCN.head", "ResGCN.backbone"


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings. That missing joints are filled they do not tell."""
    graphs = [axis(shapes, name, 1) for name in shapes if name.endswith((".A", ".edge"))]
    joints = next((order for order, names in JOINT_ORDERS.items() if len(names) == agreed(17, *graphs)), "coco")
    heads = [f"{HEAD}.{number}" for number in range(BRANCHES)]
    count = max(block_count(shapes, f"{head}.layers") for head in heads)
    branch = [agreed(64, *(size for head in heads for size in first_axes(shapes, f"{head}.layers.0.tcn")))]
    inner: list[tuple[int | None, int]] = []
    for number in range(1, count):
        modules = [f"{head}.layers.{number}" for head in heads]
        branch.append(_width(shapes, modules, 32))
        inner += [(size, branch[-1]) for size in _inner(shapes, modules)]
    channels = []
    for number in range(block_count(shapes, STREAM)):
        channels.append(_width(shapes, [f"{STREAM}.{number}"], 256))
        inner += [(size, channels[-1]) for size in _inner(shapes, [f"{STREAM}.{number}"])]
    reduction = agreed(8, *(width // size for size, width in inner if size and width >= size))
    return {"joints": joints, "branch": tuple(branch), "channels": tuple(channels), "reduction": reduction,
            "embedding": agreed(128, axis(shapes, "ResGCN.fcn.weight", 0), axis(shapes, "ResGCN.fcn.bias", 0))}


def _width(shapes: Shapes, modules: list[str], default: int) -> int:
    """Channels of modules alike, by what widens again."""
    prefixes = [f"{module}.{block}.{part}" for module in modules for block in ("scn", "tcn") for part in ("conv_up", "bn_up", "residual")]
    return agreed(default, *(size for prefix in prefixes for size in first_axes(shapes, prefix)))


def _inner(shapes: Shapes, modules: list[str]) -> list[int | None]:
    """Channels of their bottlenecks."""
    parts = ("scn.conv_down", "scn.bn_down", "tcn.conv_down", "tcn.bn_down", "tcn.conv", "tcn.bn")
    return [size for module in modules for part in parts for size in first_axes(shapes, f"{module}.{part}")]


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = linear("ResGCN.fcn", "shared")
    for number in range(BRANCHES):
        theirs, ours = f"{HEAD}.{number}", f"branches.{number}"
        found[f"{theirs}.A"] = Target("network", f"{ours}.graph")
        found |= norm(f"{theirs}.bn", f"{ours}.norm")
        found |= _plain(f"{theirs}.layers.0", f"{ours}.layers.0")
        for place, (before, width) in enumerate(zip(config.branch, config.branch[1:], strict=False), 1):
            found |= _bottleneck(f"{theirs}.layers.{place}", f"{ours}.layers.{place}", before != width, False)
    before = BRANCHES * config.branch[-1]
    for place, width in enumerate(config.channels):
        found |= _bottleneck(f"{STREAM}.{place}", f"stream.{place}", before != width, place == 0 or before != width)
        before = width
    return found


def _pair(theirs: str, norm_of: str, ours: str) -> Names:
    return linear(theirs, f"{ours}.conv") | norm(norm_of, f"{ours}.norm")


def _plain(theirs: str, ours: str) -> Names:
    found = {f"{theirs}.edge": Target("network", f"{ours}.edge")}
    return found | _pair(f"{theirs}.scn.conv.gcn", f"{theirs}.scn.bn", f"{ours}.space") | _pair(f"{theirs}.tcn.conv", f"{theirs}.tcn.bn",
                                                                                                f"{ours}.time")


def _bottleneck(theirs: str, ours: str, wider: bool, halves: bool) -> Names:
    found = _plain(theirs, ours)
    for block, part, beside in (("scn", "space", wider), ("tcn", "time", halves)):
        for way in ("down", "up"):
            found |= _pair(f"{theirs}.{block}.conv_{way}", f"{theirs}.{block}.bn_{way}", f"{ours}.{part}_{way}")
        if beside:
            found |= _pair(f"{theirs}.{block}.residual.0", f"{theirs}.{block}.residual.1", f"{ours}.beside_{part}")
    return found
