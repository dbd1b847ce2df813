"""SwinGait's tensors in published checkpoints."""

from gaitbridge.methods.swingait.network import NetworkConfig
from gaitbridge.models.published_names import (
    CLASSIFIER,
    Names,
    Shapes,
    Target,
    agreed,
    axis,
    block_count,
    conv,
    head,
    linear,
    neck,
    stages,
    stem,
    width,
)

TOKENS = "transformer"
SPARE = 1  # part more than is compared: the last strip once again, whose features no loss and no distance sees


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    channels = (width(shapes, "layer1.forward_block", 64), width(shapes, "layer2", 128))
    blocks = tuple(block_count(shapes, layer) for layer in ("layer1.forward_block", "layer2"))
    first = [name for name in shapes if name.startswith((f"{TOKENS}.patch_embed.", f"{TOKENS}.layers.0."))]
    whole = ("proj", "norm", "norm1", "norm2", "fc2")  # what gives, or norms, all channels of a token
    tokens = agreed(256, *(axis(shapes, name, 0) for name in first if name.split(".")[-2] in whole))
    heads = agreed(16, *(axis(shapes, name, 1) for name in first if name.endswith("bias_table")))
    layers = tuple(block_count(shapes, f"{TOKENS}.layers.{stage}.blocks") for stage in (0, 1))
    parts = agreed(16, axis(shapes, "FCs.fc_bin", 0), axis(shapes, CLASSIFIER, 0)) - SPARE
    embedding = agreed(256, axis(shapes, "FCs.fc_bin", 2), axis(shapes, CLASSIFIER, 1))
    return {"channels": channels, "blocks": blocks, "tokens": tokens, "heads": heads, "layers": layers, "bins": (parts,), "embedding": embedding}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = stem("layer0.forward_block", "stem")
    found |= stages(["layer1.forward_block"], "stages.blocks", "2d", config.channels[:1], (1,), config.blocks[:1])
    found |= stages(["layer2"], "stages.blocks", "p3d", config.channels[1:], (2,), config.blocks[1:], config.channels[0], config.blocks[0])
    found |= _with_bias(f"{TOKENS}.patch_embed.proj", "patches.conv", 1) | linear(f"{TOKENS}.patch_embed.norm", "patches.norm")
    for stage, count in enumerate(config.layers):
        for number in range(count):
            found |= _block(f"{TOKENS}.layers.{stage}.blocks.{number}", f"attention.stages.{stage}.{number}")
    found |= linear(f"{TOKENS}.layers.0.downsample.0", "attention.widen.0.0") | conv(f"{TOKENS}.layers.0.downsample.1", "attention.widen.0.1")
    found |= linear(f"{TOKENS}.norm", "attention.norm")
    spared = {name: target._replace(spare=(config.parts, SPARE)) for name, target in (head() | neck()).items()}
    return found | spared


def _with_bias(theirs: str, ours: str, frames: int) -> Names:
    return conv(theirs, ours, frames) | {f"{theirs}.bias": Target("network", f"{ours}.bias")}


def _block(theirs: str, ours: str) -> Names:
    """A block of attention; a layer norm's tensors are called as a linear map's."""
    found: Names = {}
    pairs = {"norm1": "norm1", "norm2": "norm2", "attn.qkv": "attention.ask", "attn.proj": "attention.answer"}
    for one, other in {**pairs, "mlp.fc1": "widen", "mlp.fc2": "narrow"}.items():
        found |= linear(f"{theirs}.{one}", f"{ours}.{other}")
    for one, other in {"bias_table": "bias", "index": "relative_places"}.items():
        found[f"{theirs}.attn.relative_position_{one}"] = Target("network", f"{ours}.attention.{other}")
    return found
