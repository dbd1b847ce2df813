"""GLN's tensors in published checkpoints, of both phases."""

from gaitbridge.methods.gln.network import DEPTHS, NetworkConfig
from gaitbridge.models.published_names import Classifier, Names, Shapes, Target, agreed, axis, bins_of, conv, head, norm

CLASSIFIER = Classifier("reduce_cls.weight", 0)
FRAMES = ("sil_stage_0", "sil_stage_1", "sil_stage_2")
SET = ("set_stage_1", "set_stage_2")
TRAINED_WITH = {"cross_entropy": 0.1}  # the second phase
PUBLISHED = (32, 64, 128)


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    channels = []
    for depth, (stage, default) in enumerate(zip(FRAMES, PUBLISHED, strict=True)):
        own = [*_axes(shapes, f"{stage}.", 0), *(_axes(shapes, f"{SET[depth - 1]}.", 0) if depth else [])]
        after = (FRAMES[depth + 1], SET[depth]) if depth + 1 < DEPTHS else ()
        following = [axis(shapes, name, 1) for name in shapes if name.startswith(after) and ".0.conv" in name]
        twice = axis(shapes, f"lateral_layer{depth + 1}.weight", 1)
        channels.append(agreed(default, *own, *following, twice and twice // 2))
    lateral = agreed(256, *(one for prefix in ("lateral_layer", "smooth_layer") for one in _axes(shapes, prefix, 0)), axis(shapes, "Head.fc_bin", 1))
    embedding = agreed(256, axis(shapes, "Head.fc_bin", 2), axis(shapes, "reduce_fc.weight", 0), axis(shapes, CLASSIFIER.name, 1))
    parts = agreed(93, axis(shapes, "Head.fc_bin", 0))
    return {"channels": tuple(channels), "lateral": lateral, "bins": bins_of(parts // DEPTHS), "embedding": embedding}


def _axes(shapes: Shapes, prefix: str, number: int) -> list[int | None]:
    """One axis of all tensors whose names begin so."""
    return [axis(shapes, name, number) for name in shapes if name.startswith(prefix)]


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = head("Head")
    for number in (0, 2):
        for depth, stage in enumerate(FRAMES):
            found |= conv(f"{stage}.forward_block.{number}.conv", f"frames.{depth}.{number}")
        for depth, stage in enumerate(SET):
            found |= conv(f"{stage}.{number}.conv", f"set.{depth}.{number}")
    for depth in range(DEPTHS):
        found |= conv(f"lateral_layer{depth + 1}", f"lateral.{depth}") | conv(f"smooth_layer{depth + 1}", f"smooth.{depth}")
    found |= norm("encoder_bn", "compact.norm", "objective") | norm("reduce_bn", "compact.neck", "objective")
    maps = {"reduce_fc": "narrow", "reduce_cls": "classify"}
    return found | {f"{theirs}.weight": Target("objective", f"compact.{ours}.weight") for theirs, ours in maps.items()}


def classifier(shapes: Shapes) -> Classifier:
    """The classifier of the second phase; the first has none."""
    return CLASSIFIER
