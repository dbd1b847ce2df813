"""Skeletons as coordinates: how joints hang together, and what networks are shown of them (Song et al. 2020; Teepe et al. 2022).

Shapes: [N, T, J, C]; the orders of joints are those of `conventions.JOINT_ORDERS`.
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from gaitbridge.conventions import JOINT_ORDERS
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

Order = Literal["coco", "openpose"]
PARENTS: dict[Order, tuple[int, ...]] = {  # where a joint's bone begins, as published; OpenPose's neck is its own
    "coco": (5, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
    "openpose": (1, 1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15),
}
LINKS: dict[Order, tuple[tuple[int, int], ...]] = {  # of the graph, as published
    "coco": ((0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12), (11, 13), (13, 15),
             (12, 14), (14, 16)),
    "openpose": ((0, 1), (0, 14), (0, 15), (14, 16), (15, 17), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11),
                 (11, 12), (12, 13)),
}  # fmt: skip
MIDDLE: dict[Order, int] = {"coco": 0, "openpose": 1}  # nose, neck
LAST = 2  # frames at the end of a walk that have no motion: the farther difference lacks one there


def check_joints(skeletons: "Tensor", order: Order) -> None:
    """UserError where skeletons [..., J, 3] have not as many joints as the order."""
    if (found := skeletons.shape[-2]) != (wanted := len(JOINT_ORDERS[order])):
        other = next((name for name, joints in JOINT_ORDERS.items() if len(joints) == found), "")
        raise UserError(f"skeletons have {found} joints, this network takes {wanted} in the order {order!r}"
                        + (f": train one with --set network.joints={other}" if other else ""))


def mirrored(order: Order) -> list[int]:
    """For each joint its counterpart on the other side; those in the middle are their own."""
    names = JOINT_ORDERS[order]
    swapped = {"left": "right", "right": "left"}
    return [names.index("_".join(swapped.get(word, word) for word in name.split("_"))) for name in names]


def adjacency(order: Order, hops: int) -> np.ndarray:
    """float32 [hops + 1, J, J]: which joints are how many links apart, divided by how many lie within `hops` of the second (Yan et al. 2018)."""
    count = len(JOINT_ORDERS[order])
    linked = np.eye(count, dtype=bool)
    for one, other in LINKS[order]:
        linked[one, other] = linked[other, one] = True
    within = [np.eye(count, dtype=bool)]
    for _ in range(hops):
        within.append((within[-1].astype(int) @ linked.astype(int)) > 0)
    apart = [within[0], *(far & ~near for near, far in pairwise(within))]
    return (np.stack(apart) / within[-1].sum(0)).astype(np.float32)


def filled(skeletons: "Tensor") -> "Tensor":
    """Skeletons [..., J, 3] in which a joint whose column is 0 lies at the mean of all joints of its frame, its score 0.

    As published: one joint after the other, so that those filled before count, and those not yet filled count as zero.
    """
    import torch

    missing = skeletons[..., :1] == 0                                                        # [..., J, 1]
    found = skeletons
    for joint in range(skeletons.shape[-2]):
        mean = found.mean(-2)
        lies = torch.cat([mean[..., :2], torch.zeros_like(mean[..., 2:])], -1)
        place = torch.arange(skeletons.shape[-2], device=skeletons.device)[:, None] == joint
        found = torch.where(missing & place, lies.unsqueeze(-2), found)
    return found


def motion(places: "Tensor", frames: "Tensor", apart: int) -> "Tensor":
    """What joints [N, T, J, 2] move until so many frames later; 0 in each walk's last two frames and beyond."""
    import torch

    moved = torch.zeros_like(places)
    moved[:, : places.shape[1] - apart] = places[:, apart:] - places[:, : places.shape[1] - apart]
    within = torch.arange(places.shape[1], device=places.device)[None] < frames[:, None] - LAST
    return torch.where(within[:, :, None, None], moved, 0.0)


def bones(places: "Tensor", order: Order) -> "Tensor":
    """From each joint's parent to it: [N, T, J, 2]."""
    return places - places[:, :, list(PARENTS[order])]


def backwards(skeletons: "Tensor", frames: "Tensor") -> "Tensor":
    """Each walk [N, T, ...] from its last real frame to its first; what lies beyond is its first frame again."""
    import torch

    turned = (frames[:, None] - 1 - torch.arange(skeletons.shape[1], device=skeletons.device)[None]).clamp(min=0)
    return skeletons.gather(1, turned[:, :, None, None].expand_as(skeletons))  # not take_along_dim: it fixes the sizes of an exported graph
