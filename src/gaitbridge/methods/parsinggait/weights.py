"""ParsingGait's tensors in published checkpoints: GaitBase's, and those of its graphs."""

from gaitbridge.methods.parsinggait.network import LAYERS, NODES, NetworkConfig
from gaitbridge.models.published_names import Names, Shapes, Target, bins_of, head, neck, norm, resnet, resnet_settings

BACKBONE = "Backbone.forward_block"
STRIPS = 16  # as published


def settings(shapes: Shapes) -> dict[str, object]:
    """What the shapes tell of the network's settings."""
    found = resnet_settings(shapes, BACKBONE)
    graphs = tuple(name for name in NODES if any(tensor.startswith((f"gcn_{name}.", f"gammas_{name}")) for tensor in shapes)) or ("coarse",)
    nodes = sum(len(NODES[name]) for name in graphs)
    strips = sum(found["bins"]) - nodes  # type: ignore[call-overload]
    return {**found, "graphs": graphs, "bins": bins_of(strips if strips > 0 else STRIPS)}


def names(config: NetworkConfig) -> Names:
    """Which tensor becomes which of ours."""
    found = resnet(BACKBONE, "encoder", config.channels, config.strides, config.blocks) | head() | neck()
    for graph in config.graphs:
        found[f"gammas_{graph}"] = Target("network", f"graphs.{graph}.share")
        for number in range(LAYERS):
            theirs, ours = f"gcn_{graph}.gc{number + 1}", f"graphs.{graph}.layers.{number}"
            found |= {f"{theirs}.{field}": Target("network", f"{ours}.{field}") for field in ("weight", "bias")}
            found |= norm(f"{theirs}.bn", f"{ours}.norm")
    return found
