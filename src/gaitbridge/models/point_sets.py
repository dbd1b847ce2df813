"""Parts of networks on point clouds: sets of points made smaller level by level (PointNet++, Qi et al. 2017), pooled by bands of height."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch._higher_order_ops.while_loop import while_loop

from gaitbridge.models.temporal import all_real

HEIGHT_M = 2.0  # what the bands of height divide; what lies above is of the last
POINTS_AT_ONCE = 1 << 15  # of clouds between which the farthest are looked for: their distances stay in the cache
DISTANCES_AT_ONCE = 1 << 23  # between points and their neighbours: bounds memory
PLACE = 3  # of a point's four numbers, those that distances are taken of; the last is its height in metres


def prepare_points(points: Tensor) -> Tensor:
    """Metres [..., P, 3], NaN where a frame has none, to [..., P, 4]: place about the frame's mean, its farthest point at 1, and height above the
    lowest point in metres. A frame without points is zero throughout."""
    seen = torch.isfinite(points).all(-1, keepdim=True)
    metres = torch.where(seen, points, torch.zeros_like(points))
    height = metres[..., 2:] - metres[..., 2:].amin(-2, keepdim=True)
    centred = metres - metres.mean(-2, keepdim=True)
    centred = centred - centred.mean(-2, keepdim=True)  # what rounding left far from the sensor
    scale = centred.square().sum(-1, keepdim=True).amax(-2, keepdim=True).sqrt().clamp(min=1e-6)
    return torch.cat([centred / scale, height], -1)


def shown(points: Tensor, frames: Tensor) -> Tensor:
    """bool [N, T]: which frames are real, of counts [N], and have points, of [N, T, P, 3 or 4]."""
    seen = torch.isfinite(points[..., 0]).all(-1)
    if all_real(frames, points.shape[1]):
        return seen
    return seen & (torch.arange(points.shape[1], device=points.device)[None] < frames[:, None])


@torch.no_grad()
def farthest_points(places: Tensor, count: int, start: Tensor | None = None) -> Tensor:
    """Numbers int64 [B, count] of points [B, P, 3], each the farthest from all before it; the first is `start` [B], by default number 0.

    Once only copies of points that were taken are left, number 0 is taken again and again, as by the field's toolkit on a CPU.
    """
    if not torch.compiler.is_exporting() and len(places) * places.shape[1] > POINTS_AT_ONCE:
        rows = max(1, POINTS_AT_ONCE // places.shape[1])
        starts = [None] * -(-len(places) // rows) if start is None else start.split(rows)
        return torch.cat([farthest_points(some, count, begun) for some, begun in zip(places.split(rows), starts, strict=True)])
    axes = places.float().transpose(1, 2).contiguous()                                  # [B, 3, P]
    chosen = torch.zeros_like(places[:, 0, 0], dtype=torch.int64) if start is None else start
    nearest = torch.full_like(axes[:, 0], torch.inf)                                    # squared distance to what is taken
    if torch.compiler.is_exporting():  # one loop in the graph, not as many copies of a step: a tenth of the time, half of the file
        return _in_a_loop(axes, chosen, nearest, count)
    found = []
    for _ in range(count):
        found.append(chosen)
        chosen, nearest = _next_farthest(axes, chosen, nearest)
    return torch.stack(found, 1)


def _next_farthest(axes: Tensor, chosen: Tensor, nearest: Tensor) -> tuple[Tensor, Tensor]:
    """The number [B] of the point of [B, 3, P] farthest from all taken, once `chosen` is taken, too, and the squared distances [B, P] to what is."""
    taken = axes.gather(2, chosen[:, None, None].expand(-1, PLACE, 1))                  # [B, 3, 1]
    nearest = torch.minimum(nearest, (axes - taken).square().sum(1))
    farthest, number = nearest.max(1)
    return torch.where(farthest > 0, number, torch.zeros_like(number)), nearest


def _in_a_loop(axes: Tensor, chosen: Tensor, nearest: Tensor, count: int) -> Tensor:
    """`farthest_points` as a loop of the exported graph. All that a step sees is carried on: OpenVINO's loops see nothing else."""

    def step(place: Tensor, axes: Tensor, places: Tensor, chosen: Tensor, nearest: Tensor, found: Tensor) -> tuple[Tensor, ...]:
        found = torch.where(places[None] == place, chosen[:, None], found)
        return place + 1, axes.clone(), places.clone(), *_next_farthest(axes, chosen, nearest), found

    begun = (torch.tensor(0), axes, torch.arange(count), chosen, nearest, chosen[:, None].expand(-1, count).clone())
    found: Tensor = while_loop(lambda place, *_: place < count, step, begun)[-1]
    return found


@torch.no_grad()
def nearest_points(centres: Tensor, places: Tensor, count: int) -> Tensor:
    """Numbers int64 [B, S, count] of the points [B, P, 3] nearest to each centre [B, S, 3], itself among them, in no order."""
    if not torch.compiler.is_exporting():
        rows = max(1, DISTANCES_AT_ONCE // (centres.shape[1] * places.shape[1]))
        if len(centres) > rows:
            pairs = zip(centres.split(rows), places.split(rows), strict=True)
            return torch.cat([nearest_points(one, other, count) for one, other in pairs])
    apart = sum((centres[:, :, None, axis] - places[:, None, :, axis]).square() for axis in range(PLACE))
    assert isinstance(apart, Tensor)
    return apart.topk(count, dim=2, largest=False, sorted=False).indices


def taken(values: Tensor, numbers: Tensor) -> Tensor:
    """Rows of values [B, P, C] by their numbers [B, ...]: [B, ..., C]."""
    before = torch.arange(values.shape[0], device=values.device) * values.shape[1]
    flat = numbers + before.view(-1, *[1] * (numbers.ndim - 1))
    return values.flatten(0, 1)[flat]


def point_layers(channels: Sequence[int]) -> nn.Sequential:
    """The same few layers on every point, [B, C, S, k] to [B, C', S, k]."""
    return nn.Sequential(*(nn.Sequential(nn.Conv2d(a, b, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(channels)))


class Level(nn.Module):
    """Points to fewer centres: each centre's features are the largest over its nearest points of what layers make of them and of where they are.

    centres: how many are taken; None: all points stay, each for itself, with its absolute place. radius: what differences of place are divided by
    (no more than that: the nearest `neighbours` count, near or far).
    """

    def __init__(self, centres: int | None, neighbours: int, radius: float, channels: Sequence[int]) -> None:
        super().__init__()
        self.centres, self.neighbours, self.radius = centres, neighbours, radius
        self.layers = point_layers(channels)

    def forward(self, points: Tensor, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """points [B, P, 4] and their features [B, P, C] to the centres [B, S, 4] and theirs [B, S, C']. In training the first centre is drawn."""
        if self.centres is None:
            given = points if features is None else torch.cat([points, features.to(points.dtype)], -1)
            return points, self._layered(given[:, :, None]).squeeze(2)
        places = points[..., :PLACE]
        start = torch.randint(points.shape[1], (len(points),), device=points.device) if self.training else None
        centres = taken(points, farthest_points(places, self.centres, start))                       # [B, S, 4]
        numbers = nearest_points(centres[..., :PLACE], places, self.neighbours)                     # [B, S, k]
        given = (taken(points, numbers) - centres[:, :, None]) / self.radius
        if features is not None:
            given = torch.cat([given, taken(features, numbers).to(given.dtype)], -1)                # [B, S, k, 4 + C]
        return centres, self._layered(given).amax(2)

    def _layered(self, given: Tensor) -> Tensor:
        """[B, S, k, C] to [B, S, k, C']."""
        found: Tensor = self.layers(given.permute(0, 3, 1, 2))  # channels last in memory
        return found.permute(0, 2, 3, 1)


def height_bands(x: Tensor, height_m: Tensor, bins: Sequence[int], whole_m: float | Tensor = HEIGHT_M) -> Tensor:
    """Mean + max of the features [B, S, C] of points within equal bands of height, lowest first, at each of `bins` numbers of bands: [B, C, K].

    height_m [B, S]; whole_m: what the bands divide, of all or [B, 1]. A point on an edge is of the lower band, one above the last edge of the last.
    A band without points is zero. Each number of bands divides the largest.
    """
    most, x = max(bins), x.float()
    band = (torch.ceil(height_m * most / whole_m) - 1).clamp(0, most - 1).to(torch.int64)           # [B, S]
    inside = band[..., None] == torch.arange(most, device=x.device)                                 # [B, S, M]
    largest = torch.stack([x.masked_fill(~one[..., None], -torch.inf).amax(1) for one in inside.unbind(2)], 2)   # [B, C, M]
    count = inside.sum(1).to(x.dtype)[:, None]                                                      # [B, 1, M]
    total = x.transpose(1, 2) @ inside.to(x.dtype)                                                  # [B, C, M]
    found = []
    for bands in bins:
        some = count.unflatten(2, (bands, -1)).sum(-1)
        value = total.unflatten(2, (bands, -1)).sum(-1) / some.clamp(min=1) + largest.unflatten(2, (bands, -1)).amax(-1)
        found.append(torch.where(some > 0, value, torch.zeros_like(value)))
    return torch.cat(found, 2)


def largest_shown(x: Tensor, real: Tensor) -> Tensor:
    """Largest value over the frames that are shown: [N, T, C, K] and bool [N, T] to [N, C, K]; zero where none is."""
    found = x.masked_fill(~real[..., None, None], -torch.inf).amax(1)
    return torch.where(real.any(1)[:, None, None], found, torch.zeros_like(found))
