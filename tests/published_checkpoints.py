"""Checkpoints as the field's standard toolkit names them, described anew here (not by the importer's lists), with weights that follow from names."""

import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

Shapes = dict[str, tuple[int, ...]]
FIXED = {"HPP.p": 6.5}  # what begins with a value of its own, and is not drawn


def tensor(name: str, shape: Sequence[int]) -> torch.Tensor:
    """The weights of one name, drawn from a generator seeded by it; float32."""
    if name.endswith(".A"):
        return graph(shape[1])[:, : shape[1], : shape[2]]
    if name.endswith("relative_position_index"):
        return window_places()
    if name in FIXED:
        return torch.full(tuple(shape), FIXED[name])
    random = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    if name.endswith("num_batches_tracked"):
        return torch.zeros(tuple(shape))
    if name.endswith("running_var"):
        values = 0.5 + random.random(shape)
    elif len(shape) == 1:
        values = 0.1 * random.standard_normal(shape) + (name.endswith("weight") and not name.endswith("running_mean"))
    else:  # three axes are a matrix for each part: what comes in are its rows
        inputs = shape[1] if len(shape) == 3 else np.prod(shape[1:])
        values = np.sqrt(2 / inputs) * random.standard_normal(shape)
    return torch.from_numpy(np.asarray(values, np.float32))


def state(shapes: Shapes) -> dict[str, torch.Tensor]:
    return {name: tensor(name, shape) for name, shape in shapes.items()}


def save(file: Path, shapes: Shapes) -> Path:
    torch.save({"model": state(shapes), "iteration": 600}, file)
    return file


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.{field}": (width,) for field in ("weight", "bias", "running_mean", "running_var")} | {f"{name}.num_batches_tracked": ()}


def conv_norm(conv: str, after: str, width: int, *kernel: int) -> Shapes:
    return {f"{conv}.weight": (width, *kernel)} | norm(after, width)


def head(parts: int, width: int, embedding: int, people: int) -> Shapes:
    shapes: Shapes = {"FCs.fc_bin": (parts, width, embedding)}
    return shapes | ({"BNNecks.fc_bin": (parts, embedding, people)} | norm("BNNecks.bn1d", parts * embedding) if people else {})


def basic_stage(name: str, before: int, width: int, blocks: int, halved: bool) -> Shapes:
    shapes: Shapes = {}
    for block in range(blocks):
        shapes |= conv_norm(f"{name}.{block}.conv1", f"{name}.{block}.bn1", width, before if block == 0 else width, 3, 3)
        shapes |= conv_norm(f"{name}.{block}.conv2", f"{name}.{block}.bn2", width, width, 3, 3)
        if block == 0 and (halved or before != width):
            shapes |= conv_norm(f"{name}.0.downsample.0", f"{name}.0.downsample.1", width, before, 1, 1)
    return shapes


def deep_stage(name: str, mode: str, before: int, width: int, blocks: int, halved: bool) -> Shapes:
    if mode == "2d":
        return basic_stage(f"{name}.forward_block", before, width, blocks, halved)
    shapes: Shapes = {}
    for block in range(blocks):
        own, inputs = f"{name}.{block}", before if block == 0 else width
        if mode == "p3d":
            shapes |= conv_norm(f"{own}.conv1.forward_block.0", f"{own}.conv1.forward_block.1", width, inputs, 3, 3)
            shapes |= conv_norm(f"{own}.conv2.forward_block.0", f"{own}.conv2.forward_block.1", width, width, 3, 3)
            shapes |= conv_norm(f"{own}.shortcut3d", f"{own}.sbn", width, width, 3, 1, 1)
        else:
            shapes |= conv_norm(f"{own}.conv1", f"{own}.bn1", width, inputs, 3, 3, 3) | conv_norm(f"{own}.conv2", f"{own}.bn2", width, width, 3, 3, 3)
        if block == 0 and (halved or before != width):
            shapes |= conv_norm(f"{own}.downsample.0", f"{own}.downsample.1", width, before, 1, 1, 1)
    return shapes


def resnet(channels: Sequence[int], blocks: Sequence[int], embedding: int, parts: int, people: int = 5, pictures: int = 1) -> Shapes:
    """GaitBase, and LidarGait with 3 `pictures`' channels."""
    name, before = "Backbone.forward_block", channels[0]
    shapes = conv_norm(f"{name}.conv1.conv", f"{name}.bn1", before, pictures, 3, 3)
    for number, (width, count) in enumerate(zip(channels, blocks, strict=True), 1):
        shapes |= basic_stage(f"{name}.layer{number}", before, width, count, number in (2, 3))
        before = width
    return shapes | head(parts, before, embedding, people)


def deep(mode: str, channels: Sequence[int], blocks: Sequence[int], embedding: int, people: int = 5, pictures: int = 1) -> Shapes:
    """DeepGaitV2, and SkeletonGait with 2 `pictures`' channels."""
    shapes = conv_norm("layer0.forward_block.0", "layer0.forward_block.1", channels[0], pictures, 3, 3)
    shapes |= basic_stage("layer1.forward_block", channels[0], channels[0], blocks[0], False)
    for number in (2, 3, 4):
        shapes |= deep_stage(f"layer{number}", mode, channels[number - 2], channels[number - 1], blocks[number - 1], number < 4)
    return shapes | head(16, channels[3], embedding, people)


def skeleton_pp(channels: Sequence[int], blocks: Sequence[int], embedding: int, people: int = 5) -> Shapes:
    width, hidden, own = channels[0], channels[0] // 16, "fusion.conv.forward_block"
    shapes: Shapes = {}
    for prefix, pictures in (("sil", 1), ("map", 2)):
        shapes |= conv_norm(f"{prefix}_layer0.forward_block.0", f"{prefix}_layer0.forward_block.1", width, pictures, 3, 3)
        shapes |= basic_stage(f"{prefix}_layer1.forward_block", width, width, blocks[0], False)
    shapes |= conv_norm(f"{own}.0", f"{own}.1", hidden, 2 * width, 1, 1) | conv_norm(f"{own}.3", f"{own}.4", hidden, hidden, 3, 3)
    shapes |= {f"{own}.6.weight": (2 * width, hidden, 1, 1)}
    for number in (2, 3, 4):
        shapes |= deep_stage(f"layer{number}", "p3d", channels[number - 2], channels[number - 1], blocks[number - 1], number < 4)
    return shapes | head(16, channels[3], embedding, people)


def multigait_pp(channels: Sequence[int], blocks: Sequence[int], embedding: int, people: int = 5) -> Shapes:
    first, hidden = channels[0], channels[0] // 16
    shapes: Shapes = {"fusion.conv.forward_block.0.weight": (channels[2], 3 * channels[2], 1, 1)}
    for prefix, score in (("part1_", "csquare.conv2.forward_block"), ("part2_", "csquare.conv1.forward_block"), ("", "")):
        if prefix:
            shapes |= conv_norm(f"{prefix}layer0.forward_block.0", f"{prefix}layer0.forward_block.1", first, 1, 3, 3)
            shapes |= basic_stage(f"{prefix}layer1.forward_block", first, first, blocks[0], False)
            shapes |= conv_norm(f"{score}.0", f"{score}.1", hidden, first, 1, 1) | conv_norm(f"{score}.3", f"{score}.4", hidden, hidden, 1, 1)
            shapes |= {f"{score}.6.weight": (first, hidden, 1, 1)}
        for number in (2, 3):
            shapes |= deep_stage(f"{prefix}layer{number}", "p3d", channels[number - 2], channels[number - 1], blocks[number - 1], True)
    return shapes | deep_stage("layer4", "p3d", channels[2], channels[3], blocks[3], False) | head(16, channels[3], embedding, people)


def gaitset(channels: Sequence[int], embedding: int, parts: int) -> Shapes:
    one, two, three = channels
    shapes: Shapes = {"Head.fc_bin": (parts, three, embedding)}
    for block, before, width, kernel in ((1, 1, one, 5), (2, one, two, 3), (3, two, three, 3)):
        for name in [f"set_block{block}.forward_block", *([f"gl_block{block}"] if block > 1 else [])]:
            shapes |= {f"{name}.0.conv.weight": (width, before, kernel, kernel), f"{name}.2.conv.weight": (width, width, 3, 3)}
    return shapes


def smplgait(layers: Sequence[int | str], embedding: int, parts: int, people: int = 5) -> Shapes:
    """layers: channels of convolutions, and M for max-pooling."""
    shapes: Shapes = {}
    place, before = 0, 1
    for layer in layers:
        if layer == "M":
            place += 1
            continue
        shapes[f"Backbone.forward_block.feature.{place}.conv.weight"] = (int(layer), before, *((5, 5) if place == 0 else (3, 3)))
        place, before = place + 2, int(layer)
    for number, (inputs, width) in enumerate(((85, 128), (128, 256), (256, 256)), 1):
        shapes |= {f"fc{number}.weight": (width, inputs), f"fc{number}.bias": (width,)} | norm(f"bn{number}", width)
    return shapes | head(parts, before, embedding, people)


def graph_convolution(name: str, nodes: int, width: int) -> Shapes:
    return {f"{name}.weight": (width, width), f"{name}.bias": (width,)} | norm(f"{name}.bn", nodes * width)


def parsinggait(channels: Sequence[int], blocks: Sequence[int], embedding: int, graphs: Sequence[str] = ("coarse",), people: int = 5) -> Shapes:
    nodes = {"fine": 11, "coarse": 5}
    shapes = resnet(channels, blocks, embedding, 16 + sum(nodes[name] for name in graphs), people)
    for name in graphs:
        shapes |= {f"gammas_{name}": (nodes[name],)}
        for number in (1, 2):
            shapes |= graph_convolution(f"gcn_{name}.gc{number}", nodes[name], channels[-1])
    return shapes


def graph(joints: int, hops: int = 3) -> torch.Tensor:
    """Which joints are how many links apart, one number at a time, over how many lie within `hops` of the second: COCO's 17 or OpenPose's 18."""
    links = {17: "0-1 0-2 1-3 2-4 3-5 4-6 5-6 5-7 7-9 6-8 8-10 5-11 6-12 11-12 11-13 13-15 12-14 14-16",
             18: "0-1 0-14 0-15 14-16 15-17 1-2 2-3 3-4 1-5 5-6 6-7 1-8 8-9 9-10 1-11 11-12 12-13"}[joints]
    pairs = [tuple(map(int, link.split("-"))) for link in links.split()]
    found = torch.zeros(hops + 1, joints, joints)
    for start in range(joints):
        steps = {start: 0}
        for hop in range(1, hops + 1):
            near = [joint for joint, away in steps.items() if away == hop - 1]
            for one, other in [*pairs, *((b, a) for a, b in pairs)]:
                if one in near:
                    steps.setdefault(other, hop)
        for joint, hop in steps.items():
            found[hop, joint, start] = 1 / len(steps)
    return found


def joined(name: str, norm_of: str, width: int, *inputs: int) -> Shapes:
    return {f"{name}.weight": (width, *inputs), f"{name}.bias": (width,)} | norm(norm_of, width)


def graph_bottleneck(name: str, before: int, width: int, reduction: int, joints: int, halves: bool) -> Shapes:
    inner = width // reduction
    shapes: Shapes = {f"{name}.edge": (4, joints, joints)}
    for block, inputs, beside in (("scn", before, before != width), ("tcn", width, halves)):
        own = f"{name}.{block}"
        if beside:
            shapes |= joined(f"{own}.residual.0", f"{own}.residual.1", width, inputs, 1, 1)
        shapes |= joined(f"{own}.conv_down", f"{own}.bn_down", inner, inputs, 1, 1)
        shapes |= joined(f"{own}.conv_up", f"{own}.bn_up", width, inner, 1, 1)
    shapes |= {f"{name}.scn.conv.gcn.weight": (3 * inner, inner, 1, 1), f"{name}.scn.conv.gcn.bias": (3 * inner,)} | norm(f"{name}.scn.bn", inner)
    return shapes | joined(f"{name}.tcn.conv", f"{name}.tcn.bn", inner, inner, 9, 1)


def gaitgraph2(branch: Sequence[int], channels: Sequence[int], reduction: int, embedding: int, joints: int = 17) -> Shapes:
    shapes: Shapes = {"ResGCN.fcn.weight": (embedding, channels[-1]), "ResGCN.fcn.bias": (embedding,)}
    for head in (f"ResGCN.head.{number}" for number in range(3)):
        own, width = f"{head}.layers.0", branch[0]
        shapes |= {f"{head}.A": (4, joints, joints), f"{own}.edge": (4, joints, joints)} | norm(f"{head}.bn", 5)
        shapes |= {f"{own}.scn.conv.gcn.weight": (3 * width, 5, 1, 1), f"{own}.scn.conv.gcn.bias": (3 * width,)} | norm(f"{own}.scn.bn", width)
        shapes |= joined(f"{own}.tcn.conv", f"{own}.tcn.bn", width, width, 9, 1)
        for number, (before, after) in enumerate(pairwise(branch), 1):
            shapes |= graph_bottleneck(f"{head}.layers.{number}", before, after, reduction, joints, False)
    before = 3 * branch[-1]
    for number, width in enumerate(channels):
        shapes |= graph_bottleneck(f"ResGCN.backbone.{number}", before, width, reduction, joints, number == 0 or before != width)
        before = width
    return shapes


def gaittr(channels: Sequence[int], embedding: int, joints: int = 17) -> Shapes:
    shapes = norm("data_bn", 10 * joints) | {"fcn.weight": (embedding, channels[-1], 1), "fcn.bias": (embedding,)}
    before = 10
    for number, width in enumerate(channels):
        own, attention = f"backbone.{number}", f"backbone.{number}.st.attention_conv"
        shapes |= joined(f"{own}.tcn.conv", f"{own}.tcn.bn", before, before, 9, 1)
        shapes |= norm(f"{own}.st.bn", width) | norm(f"{own}.st.data_bn", before * joints)
        shapes |= affine(f"{attention}.qkv_conv", width // 4 * 2 + width, before, 1, 1) | affine(f"{attention}.attn_out", width, width, 1, 1)
        if before != width:
            shapes |= joined(f"{own}.residual_s.0", f"{own}.residual_s.1", width, before, 1, 1)
            shapes |= joined(f"{own}.down.conv", f"{own}.down.bn", width, before, 1, 1)
        before = width
    return shapes


def gaitgl(channels: Sequence[int], convolutions: int, embedding: int, people: int = 5, rows: int = 64, neck: bool = False) -> Shapes:
    first = channels[0]
    shapes: Shapes = {f"conv3d.{2 * number}.conv3d.weight": (first, first if number else 1, 3, 3, 3) for number in range(convolutions)}
    shapes["LTA.0.conv3d.weight"] = (first, first, 3, 1, 1)
    for stage, before, width in zip(("GLConvA0", "GLConvA1", "GLConvB2"), channels, channels[1:], strict=False):
        for number in range(convolutions):
            own = f"{stage}.{number}" if convolutions > 1 else stage
            for kind in ("global", "local"):
                shapes[f"{own}.{kind}_conv3d.conv3d.weight"] = (width, width if number else before, 3, 3, 3)
    shapes |= {"HPP.p": (1,), "Head0.fc_bin": (rows, channels[-1], embedding)}
    if neck:
        return shapes | {"BNNecks.fc_bin": (rows, embedding, people)} | norm("BNNecks.bn1d", rows * embedding)
    return shapes | norm("Bn", embedding) | {"Head1.fc_bin": (rows, embedding, people)}


def window_places(window: Sequence[int] = (3, 3, 5)) -> torch.Tensor:
    """Of two tokens of a window the steps between them in frames, rows and columns, each counted from its least, as one number."""
    tokens = [(frame, row, column) for frame in range(window[0]) for row in range(window[1]) for column in range(window[2])]
    spans = [2 * size - 1 for size in window]
    steps = [[[a - b + size - 1 for a, b, size in zip(one, other, window, strict=True)] for other in tokens] for one in tokens]
    return torch.tensor([[(frame * spans[1] + row) * spans[2] + column for frame, row, column in line] for line in steps])


def affine(name: str, width: int, *inputs: int) -> Shapes:
    return {f"{name}.weight": (width, *inputs), f"{name}.bias": (width,)}


def swingait(channels: Sequence[int], blocks: Sequence[int], layers: Sequence[int], embedding: int, people: int = 5, tokens: int = 256,
             heads: int = 16) -> Shapes:
    shapes = conv_norm("layer0.forward_block.0", "layer0.forward_block.1", channels[0], 1, 3, 3)
    shapes |= basic_stage("layer1.forward_block", channels[0], channels[0], blocks[0], False)
    shapes |= deep_stage("layer2", "p3d", channels[0], channels[1], blocks[1], True)
    shapes |= affine("transformer.patch_embed.proj", tokens, channels[1], 1, 2, 2) | affine("transformer.patch_embed.norm", tokens)
    for stage, count in enumerate(layers):
        width = tokens << stage
        for block in range(count):
            own = f"transformer.layers.{stage}.blocks.{block}"
            shapes |= affine(f"{own}.norm1", width)
            shapes |= {f"{own}.attn.relative_position_bias_table": (225, heads << stage), f"{own}.attn.relative_position_index": (45, 45)}
            shapes |= affine(f"{own}.attn.qkv", 3 * width, width) | affine(f"{own}.attn.proj", width, width) | affine(f"{own}.norm2", width)
            shapes |= affine(f"{own}.mlp.fc1", 4 * width, width) | affine(f"{own}.mlp.fc2", width, 4 * width)
    shapes |= affine("transformer.layers.0.downsample.0", tokens) | {"transformer.layers.0.downsample.1.weight": (2 * tokens, tokens)}
    return shapes | affine("transformer.norm", 2 * tokens) | head(16, 2 * tokens, embedding, people)


def gaitpart(channels: Sequence[int], embedding: int, parts: int = 16) -> Shapes:
    shapes: Shapes = {"Head.fc_bin": (parts, channels[-1], embedding)}
    before, place = 1, 0
    for stage, width in enumerate(channels):
        kernel = 3 if stage else 5
        shapes[f"Backbone.forward_block.feature.{place}.conv.weight"] = (width, before, kernel, kernel)
        shapes[f"Backbone.forward_block.feature.{place + 2}.conv.weight"] = (width, width, 3, 3)
        before, place = width, place + (5 if stage < 2 else 4)
    for kind, kernel in (("conv1d3x1", 1), ("conv1d3x3", 3)):
        for part in range(parts):
            own = f"TFA.pooling_func.{kind}.{part}"
            shapes |= {f"{own}.0.conv.weight": (before // 4, before, 3), f"{own}.2.conv.weight": (before, before // 4, kernel)}
    return shapes


def gln(channels: Sequence[int], lateral: int, embedding: int, people: int = 5) -> Shapes:
    """With people the second phase."""
    shapes: Shapes = {"Head.fc_bin": (93, lateral, embedding)}
    for depth, (before, width) in enumerate(zip((1, *channels), channels, strict=False)):
        kernel = 3 if depth else 5
        for name in [f"sil_stage_{depth}.forward_block", *([f"set_stage_{depth}"] if depth else [])]:
            shapes |= {f"{name}.0.conv.weight": (width, before, kernel, kernel), f"{name}.2.conv.weight": (width, width, 3, 3)}
        shapes |= {f"lateral_layer{depth + 1}.weight": (lateral, 2 * width, 1, 1), f"smooth_layer{depth + 1}.weight": (lateral, lateral, 3, 3)}
    if not people:
        return shapes
    shapes |= norm("encoder_bn", 93 * embedding) | {"reduce_fc.weight": (embedding, 93 * embedding)} | norm("reduce_bn", embedding)
    return shapes | {"reduce_cls.weight": (people, embedding)}
