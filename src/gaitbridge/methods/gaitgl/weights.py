"""GaitGL's tensors in published checkpoints."""

from gaitbridge.methods.gaitgl.network import NetworkConfig
from gaitbridge.models.published_names import Classifier, Names, Shapes, Target, agreed, axis, conv, head, neck, norm

STAGES = ("GLConvA0", "GLConvA1", "GLConvB2")
CLASSIFIER = Classifier("Head1.fc_bin", 2)


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    several = any(name.startswith(("conv3d.2.", *(f"{stage}.0." for stage in STAGES))) for name in shapes)
    count = 2 if several else 1
    published = (32, 64, 128, 256) if several else (32, 64, 128, 128)
    widths = [agreed(published[0], *_widths(shapes, "conv3d", 0), *_widths(shapes, "LTA", 0), *_widths(shapes, "LTA", 1))]
    after = [*(f"{stage}.0" if several else stage for stage in STAGES[1:]), "Head0"]
    for stage, following, default in zip(STAGES, after, published[1:], strict=True):
        widths.append(agreed(default, *_widths(shapes, stage, 0), *_widths(shapes, following, 1)))
    own_norm = any(name.startswith(("Bn.", "Head1.")) for name in shapes)
    embedding = agreed(widths[-1], *(axis(shapes, name, number) for name, number in (("Head0.fc_bin", 2), ("Bn.weight", 0), ("Bn.bias", 0),
                                                                                    ("Head1.fc_bin", 1), ("BNNecks.fc_bin", 1))))
    return {"channels": tuple(widths), "convolutions": count, "strips": 2 if several else 8, "embedding": embedding, "norm": own_norm}


def _widths(shapes: Shapes, prefix: str, number: int) -> list[int | None]:
    """One axis of all tensors below `prefix`."""
    return [axis(shapes, name, number) for name in shapes if name.startswith(f"{prefix}.")]


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = conv("LTA.0.conv3d", "gather.conv", 3) | {"HPP.p": Target("network", "mean.exponent")} | head("Head0")
    for number in range(config.convolutions):
        found |= conv(f"conv3d.{2 * number}.conv3d", f"first.{number}.conv", 3)
        for stage, theirs in enumerate(STAGES):
            own = f"{theirs}.{number}" if config.convolutions > 1 else theirs
            found |= conv(f"{own}.global_conv3d.conv3d", f"stages.{stage}.{number}.whole.conv", 3)
            found |= conv(f"{own}.local_conv3d.conv3d", f"stages.{stage}.{number}.local.conv", 3)
    if config.norm:
        return found | norm("Bn", "norm") | {CLASSIFIER.name: Target("objective", "classify.weight")}
    return found | neck()


def classifier(shapes: Shapes) -> Classifier:
    """The classifier of these tensors."""
    return CLASSIFIER if any(name.startswith(("Bn.", "Head1.")) for name in shapes) else Classifier()
