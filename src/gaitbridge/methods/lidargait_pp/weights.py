"""LidarGait++'s tensors in published checkpoints, and the sizes read off them."""

from gaitbridge.methods.lidargait_pp.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, head, head_settings, linear, neck, norm

LEVELS, LAYERS = 4, 3
SUSTECH1K = {"points": 1024, "centres": (512, 256, 128), "neighbours": 32}  # of the published network of half the width; shapes do not tell


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings. How many points and neighbours there are they do not: those are the published ones for the
    dataset that a network of this width was published for."""
    of_levels = [(axis(shapes, f"sa{level}.mlp_convs.{layer}.weight", 0), (2 if layer < 2 else 4) << (level - 1))
                 for level in range(1, LEVELS) for layer in range(LAYERS)]  # fmt: skip
    width = agreed(32, *(found // times for found, times in of_levels if found is not None))
    last = f"sa{LEVELS}"
    found = [axis(shapes, f"{last}.mlp_{kind}.2.{field}", 0) for kind, field in (("convs", "weight"), ("convs", "bias"), ("bns", "weight"))]
    sizes = head_settings(shapes, 31, 256)
    bins = sizes["bins"]
    assert isinstance(bins, tuple)
    return {**(SUSTECH1K if width == 16 else {}), "width": width, "features": agreed(256, *found, axis(shapes, "FCs.fc_bin", 1)), **sizes,
            "bins": bins[::-1]}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found: Names = {}
    for level in range(LEVELS):
        for layer in range(LAYERS):
            ours = f"encoder.levels.{level}.layers.{layer}"
            found |= linear(f"sa{level + 1}.mlp_convs.{layer}", f"{ours}.0") | norm(f"sa{level + 1}.mlp_bns.{layer}", f"{ours}.1")
    return found | head() | neck()
