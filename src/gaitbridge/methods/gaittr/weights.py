"""GaitTR's tensors in published checkpoints."""

from gaitbridge.conventions import JOINT_ORDERS
from gaitbridge.methods.gaittr.network import CHANNELS, NARROWER, NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, agreed, axis, block_count, first_axes, linear, norm

PUBLISHED = NetworkConfig()


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings. Heads they do not tell."""
    joints = [size // CHANNELS for size in first_axes(shapes, "data_bn")]
    joints += [size // CHANNELS for size in first_axes(shapes, "backbone.0.st.data_bn")]
    order = next((order for order, names in JOINT_ORDERS.items() if len(names) == agreed(17, *joints)), "coco")
    channels, count = [], block_count(shapes, "backbone")
    for number in range(count):
        own = f"backbone.{number}"
        found = [*first_axes(shapes, f"{own}.st.bn"), *first_axes(shapes, f"{own}.st.attention_conv.attn_out"),
                 *first_axes(shapes, f"{own}.residual_s"), *first_axes(shapes, f"{own}.down"), *first_axes(shapes, f"backbone.{number + 1}.tcn")]
        channels.append(agreed(PUBLISHED.channels[min(number, 3)], *found))
    embedding = agreed(PUBLISHED.embedding, axis(shapes, "fcn.weight", 0), axis(shapes, "fcn.bias", 0))
    heads = PUBLISHED.heads if all(width % (NARROWER * PUBLISHED.heads) == 0 for width in channels) else 1
    return {"joints": order, "channels": tuple(channels), "heads": heads, "embedding": embedding}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = norm("data_bn", "norm") | linear("fcn", "shared")
    before = CHANNELS
    for number, width in enumerate(config.channels):
        theirs, ours = f"backbone.{number}", f"blocks.{number}"
        found |= linear(f"{theirs}.tcn.conv", f"{ours}.time.conv") | norm(f"{theirs}.tcn.bn", f"{ours}.time.norm")
        found |= norm(f"{theirs}.st.data_bn", f"{ours}.space.before") | norm(f"{theirs}.st.bn", f"{ours}.space.after")
        found |= linear(f"{theirs}.st.attention_conv.qkv_conv", f"{ours}.space.asked")
        found |= linear(f"{theirs}.st.attention_conv.attn_out", f"{ours}.space.answer")
        if before != width:
            found |= linear(f"{theirs}.residual_s.0", f"{ours}.beside.0") | norm(f"{theirs}.residual_s.1", f"{ours}.beside.1")
            found |= linear(f"{theirs}.down.conv", f"{ours}.around.conv") | norm(f"{theirs}.down.bn", f"{ours}.around.norm")
        before = width
    return found
