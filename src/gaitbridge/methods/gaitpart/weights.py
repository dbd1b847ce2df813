"""GaitPart's tensors in published checkpoints."""

from gaitbridge.methods.gaitpart.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, conv, head

TRUNK, MOVEMENTS = "Backbone.forward_block.feature", "TFA.pooling_func"
STRIPS = {3: (1, 4, 8), 4: (1, 1, 8, 8)}  # of the published networks by their stages: shapes do not tell
PLACES = (0, 5, 10, 14)  # of each stage's first convolution; the second comes two later, and a pooling after the first two stages


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    trunk = [name for name in shapes if name.startswith(f"{TRUNK}.")]
    count = 4 if any(name.startswith(tuple(f"{TRUNK}.{PLACES[3] + more}." for more in (0, 2))) for name in trunk) else 3
    published = (32, 64, 128, 256)
    channels = []
    for stage in range(count):
        first, second = (f"{TRUNK}.{PLACES[stage] + more}.conv.weight" for more in (0, 2))
        following = f"{TRUNK}.{PLACES[stage + 1]}.conv.weight" if stage + 1 < count else "Head.fc_bin"
        own = (axis(shapes, first, 0), axis(shapes, second, 0), axis(shapes, second, 1), axis(shapes, following, 1))
        channels.append(agreed(published[stage], *own))
    return {"channels": tuple(channels), "strips": STRIPS[count], "parts": agreed(16, axis(shapes, "Head.fc_bin", 0), 16),
            "embedding": agreed(channels[-1], axis(shapes, "Head.fc_bin", 2))}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head("Head")
    for stage in range(len(config.channels)):
        for number in (0, 1):
            found |= conv(f"{TRUNK}.{PLACES[stage] + 2 * number}.conv", f"stages.{stage}.convs.{number}")
    for theirs, ours in (("conv1d3x1", "near"), ("conv1d3x3", "far")):
        for part in range(config.parts):
            for place, layer in ((0, "narrow"), (2, "widen")):
                found |= conv(f"{MOVEMENTS}.{theirs}.{part}.{place}.conv", f"movements.{ours}.{part}.{layer}")
    return found
