"""SMPLGait's tensors in published checkpoints. Its plain layers are numbered with what has no weights, which tells where sizes are halved."""

import re

from gaitbridge.methods.smplgait.network import NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, conv, head, head_settings, linear, neck, norm, width

BACKBONE = "Backbone.forward_block.feature"
PUBLISHED = NetworkConfig()


def places(halve_after: tuple[int, ...], count: int) -> list[int]:
    """The numbers of `count` convolutions in the row of layers: each is followed by its ReLU, and by a pooling where sizes are halved."""
    found, place = [], 0
    for number in range(1, count + 1):
        found.append(place)
        place += 3 if number in halve_after else 2
    return found


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    numbered = sorted(int(found[1]) for name in shapes if (found := re.fullmatch(rf"{re.escape(BACKBONE)}\.(\d{{1,3}})\.conv\.weight", name)))
    row: list[int] = []
    halved: list[int] = []
    for place in range(0, 1 + max(numbered, default=-1)):
        if row and place == row[-1] + 3 and place in numbered:
            halved.append(len(row))
        if place in numbered and (place == 0 if not row else place in (row[-1] + 2, row[-1] + 3)):
            row.append(place)
    if len(row) < len(numbered) or not row:  # gaps, so something is missing: what is published tells what
        row, halved = places(PUBLISHED.halve_after, len(PUBLISHED.channels)), list(PUBLISHED.halve_after)
    weights = [f"{BACKBONE}.{place}.conv.weight" for place in row]
    usual = dict(zip(range(len(row)), PUBLISHED.channels, strict=False))
    following = [*(axis(shapes, name, 1) for name in weights[1:]), axis(shapes, "FCs.fc_bin", 1)]
    channels = tuple(agreed(usual.get(n, 256), axis(shapes, name, 0), following[n]) for n, name in enumerate(weights))
    hidden = (agreed(width(shapes, "bn1", 128), axis(shapes, "fc1.weight", 0)), agreed(width(shapes, "bn2", 256), axis(shapes, "fc2.weight", 0)))
    return {"channels": channels, "halve_after": tuple(halved), "smpl_channels": hidden, **head_settings(shapes, 31, 256)}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head() | neck()
    for place in places(config.halve_after, len(config.channels)):
        found |= conv(f"{BACKBONE}.{place}.conv", f"encoder.{place}")
    for number in (1, 2, 3):
        found |= linear(f"fc{number}", f"transform.linear.{number - 1}") | norm(f"bn{number}", f"transform.norms.{number - 1}")
    return found
