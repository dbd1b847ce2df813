"""SMPLGait's tensors in published checkpoints. Its plain layers are numbered with what has no weights, which tells where sizes are halved."""

import re
from itertools import pairwise

from gaitbridge.methods.smplgait.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, conv, first_axes, head, head_settings, linear, neck, norm

BACKBONE = "Backbone.forward_block.feature"
PUBLISHED = NetworkConfig()


def places(halve_after: tuple[int, ...], count: int) -> list[int]:
    """The numbers of `count` convolutions in the row of layers: each is followed by its ReLU, and by a pooling where sizes are halved."""
    found, place = [], 0
    for number in range(1, count + 1):
        found.append(place)
        place += 3 if number in halve_after else 2
    return found


def layers(shapes: Shapes) -> tuple[list[int], list[int]]:
    """The numbers of the convolutions, and after how many of them sizes are halved; the published ones where those found are but a part of them."""
    numbered = sorted(int(found[1]) for name in shapes if (found := re.fullmatch(rf"{re.escape(BACKBONE)}\.(\d{{1,3}})\.conv\.weight", name)))
    published = places(PUBLISHED.halve_after, len(PUBLISHED.channels))
    steps = {b - a for a, b in pairwise(numbered)}
    if set(numbered) <= set(published) or numbered[0] != 0 or steps - {2, 3}:
        return published, list(PUBLISHED.halve_after)
    return numbered, [count for count, (a, b) in enumerate(pairwise(numbered), 1) if b - a == 3]


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    numbers, halved = layers(shapes)
    weights = [f"{BACKBONE}.{number}.conv.weight" for number in numbers]
    taken = [*(axis(shapes, name, 1) for name in weights[1:]), axis(shapes, "FCs.fc_bin", 1)]  # by the layer after each
    usual = dict(enumerate(PUBLISHED.channels))
    channels = tuple(agreed(usual.get(n, 256), axis(shapes, name, 0), taken[n]) for n, name in enumerate(weights))
    hidden = tuple(agreed(default, *first_axes(shapes, f"fc{n}"), *first_axes(shapes, f"bn{n}")) for n, default in ((1, 128), (2, 256)))
    return {"channels": channels, "halve_after": tuple(halved), "smpl_channels": hidden, **head_settings(shapes, 31, 256)}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head() | neck()
    for place in places(config.halve_after, len(config.channels)):
        found |= conv(f"{BACKBONE}.{place}.conv", f"encoder.{place}")
    for number in (1, 2, 3):
        found |= linear(f"fc{number}", f"transform.linear.{number - 1}") | norm(f"bn{number}", f"transform.norms.{number - 1}")
    return found
