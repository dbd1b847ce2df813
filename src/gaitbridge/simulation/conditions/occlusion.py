"""Occlusion (oc): posts, a bench and passers-by that hide the walker from each side for a part of the walk."""

import numpy as np

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import TRACE_LEAD_S, Clothes, Frames, Outfit, Prop
from gaitbridge.simulation.conditions._frames import joint
from gaitbridge.simulation.conditions._meshes import joined_triangles, super_ellipsoid

POSTS = {1: (1, 0.4), 2: (0, 0.4)}  # on each side, by version: always, and the chance of one more; real people are hidden little in the mean
BENCHES = {1: 0.35, 2: 0.1}
PASSERS_BY = {1: 1.0, 2: 0.35}  # the chance of each


def dress(body: Body, rest: Rest, clothes: Clothes, random: np.random.Generator) -> Outfit:
    """Everyday clothes; beside the path posts and perhaps a bench, and passers-by who cross ahead and behind."""
    (fewest, more), bench, passing = POSTS[clothes.version], BENCHES[clothes.version], PASSERS_BY[clothes.version]
    worn = clothes.everyday(body, rest, random)
    hips = joint(body, "Hips")
    props = []
    for side in (1.0, -1.0):
        for along in random.uniform(0.15, 0.85, size=fewest + int(random.random() < more)):
            wide = float(random.uniform(0.10, 0.22))
            size = (wide, wide, float(random.uniform(1.9, 2.6)))
            props.append(standing(hips, size, float(along), side * float(random.uniform(0.85, 1.3))))
        if random.random() < bench:
            size = (float(random.uniform(1.0, 1.6)), 0.45, float(random.uniform(0.45, 0.75)))
            props.append(standing(hips, size, float(random.uniform(0.2, 0.8)), side * float(random.uniform(0.95, 1.3))))
    for ahead_m in (float(random.uniform(1.0, 1.8)), -float(random.uniform(1.0, 1.8))):
        when, speed = float(random.uniform(0.3, 0.7)), float(random.choice([-1, 1]) * random.uniform(0.7, 1.3))
        prop = passer_by(hips, ahead_m, when, speed, random)
        if passing == 1.0 or random.random() < passing:
            props.append(prop)
    return worn.with_props(*props)


def _path(trace: Frames, hips: int, along: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The point [2] of the walked path after a share `along` of the recording, and unit vectors along and to the left of the path."""
    path = trace.joints_m[trace.time_s >= trace.time_s[0] + TRACE_LEAD_S, hips, :2]
    forward = path[-1] - path[0]
    forward = forward / max(float(np.linalg.norm(forward)), 1e-6)
    return path[int(along * (len(path) - 1))], forward, np.array([-forward[1], forward[0]])


def standing(hips: int, size_m: tuple[float, float, float], along: float, beside_m: float) -> Prop:
    """A thing that stands on the ground beside the path, `beside_m` to the left of where the walker is after a share `along`."""
    vertices, triangles = super_ellipsoid(size_m, corner=0.15)

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        point, forward, left = _path(trace, hips, along)
        place = np.append(point + beside_m * left, size_m[2] / 2)
        turn = np.array([[forward[0], left[0], 0], [forward[1], left[1], 0], [0, 0, 1]])
        return np.broadcast_to((vertices @ turn.T + place).astype(np.float32), (len(now.time_s), *vertices.shape))

    return Prop(vertices_m, triangles, belongs="scene")


def passer_by(hips: int, ahead_m: float, when: float, speed_m_s: float, random: np.random.Generator) -> Prop:
    """A blob of a person's size who crosses the path `ahead_m` before the end of it (negative: behind its start).

    They are in the middle of the path after a share `when` of the recording.
    """
    tall = float(random.uniform(1.5, 1.85))
    trunk, trunk_triangles = super_ellipsoid((0.28, float(random.uniform(0.36, 0.5)), tall * 0.86), corner=0.7)
    head, head_triangles = super_ellipsoid((0.2, 0.17, 0.24), corner=1.0, rings=5, around=8)
    vertices = np.concatenate([trunk + np.array([0, 0, tall * 0.43]), head + np.array([0, 0, tall - 0.12])])

    def vertices_m(now: Frames, trace: Frames) -> np.ndarray:
        point, forward, left = _path(trace, hips, 1.0 if ahead_m > 0 else 0.0)
        start, end = trace.time_s[0] + TRACE_LEAD_S, trace.time_s[-1]
        across = speed_m_s * (now.time_s - (start + when * (end - start)))
        place = np.zeros((len(now.time_s), 3))
        place[:, :2] = point + ahead_m * forward + across[:, None] * left
        turn = np.array([[left[0], -forward[0], 0], [left[1], -forward[1], 0], [0, 0, 1]])
        return (vertices @ turn.T + place[:, None]).astype(np.float32)

    return Prop(vertices_m, joined_triangles([(len(trunk), trunk_triangles), (len(head), head_triangles)]), belongs="scene")
