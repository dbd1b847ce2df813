"""Where props hang: points fixed to a bone, the walker's heading, lags and pendulums along the dense trace of the walk."""

import numpy as np
from scipy.signal import lfilter

from gaitbridge.simulation.body import Body, Rest
from gaitbridge.simulation.conditions import Frames

GRAVITY_M_S2 = 9.81


def joint(body: Body, name: str) -> int:
    """Index of the joint `name`; ValueError where the body's rig has none."""
    if name not in body.joint_names:
        raise ValueError(f"{body.name} has no joint {name}: the conditions are made for the joints of the cmu_mb rig")
    return body.joint_names.index(name)


def fixed_to(frames: Frames, rest: Rest, bone: int, points_m: np.ndarray) -> np.ndarray:
    """Points [P, 3], given where they are in the rest pose, moved rigidly with a bone: [T, P, 3] in the world."""
    arms = points_m - rest.joints_m[bone]
    moved: np.ndarray = np.einsum("tab,pb->tpa", frames.turns[:, bone], arms) + frames.joints_m[:, None, bone]
    return moved


def heading(turns: np.ndarray) -> np.ndarray:
    """Where the walker faces: rotations about z [T, 3, 3] from the hips' turns [T, 3, 3]."""
    forward = turns[:, :2, 0] / np.maximum(np.linalg.norm(turns[:, :2, 0], axis=1, keepdims=True), 1e-9)
    yaw = np.zeros((len(turns), 3, 3))
    yaw[:, 0, 0], yaw[:, 1, 0], yaw[:, 0, 1], yaw[:, 1, 1], yaw[:, 2, 2] = forward[:, 0], forward[:, 1], -forward[:, 1], forward[:, 0], 1
    return yaw


def placed(origin_m: np.ndarray, rotation: np.ndarray, points_m: np.ndarray) -> np.ndarray:
    """Points [P, 3] of a rigid thing with its origin at origin_m [T, 3], turned by rotation [T, 3, 3]: [T, P, 3]."""
    moved: np.ndarray = np.einsum("tab,pb->tpa", rotation, points_m) + origin_m[:, None]
    return moved


def at_times(trace_time_s: np.ndarray, values: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Values [D, C] of the trace read at time_s [T], linearly between its times."""
    place = np.clip((time_s - trace_time_s[0]) / (trace_time_s[1] - trace_time_s[0]), 0, len(trace_time_s) - 1.001)
    before = place.astype(int)
    share = (place - before)[:, None]
    read: np.ndarray = values[before] * (1 - share) + values[before + 1] * share
    return read


def lagged(trace_time_s: np.ndarray, values: np.ndarray, delay_s: float, time_s: np.ndarray) -> np.ndarray:
    """Values [D, C] of the trace after two first-order lags of half of `delay_s` each, read at time_s [T]: [T, C]."""
    keep = float(np.exp(-(trace_time_s[1] - trace_time_s[0]) / (delay_s / 2)))
    start = values[:1]
    passed = values - start
    for _ in range(2):
        passed = lfilter([1 - keep], [1, -keep], passed, axis=0)
    return at_times(trace_time_s, passed + start, time_s)


def pendulum(trace: Frames, point_m: np.ndarray, length_m: float, damping: float, time_s: np.ndarray) -> np.ndarray:
    """Swing of what hangs `length_m` below a moving point [D, 3]: angles [T, 2] (radians, towards x and y of the world).

    angle'' = -(g / L) angle - 2 damping sqrt(g / L) angle' - acceleration / L, by semi-implicit Euler on the trace, which for this
    linear equation is a recursive filter.
    """
    step = float(trace.time_s[1] - trace.time_s[0])
    acceleration = np.gradient(np.gradient(point_m[:, :2], step, axis=0), step, axis=0)
    rate = np.sqrt(GRAVITY_M_S2 / length_m)
    loss = 2 * damping * rate * step
    angles = lfilter([0, -(step**2) / length_m], [1, -(2 - loss - (rate * step) ** 2), 1 - loss], acceleration, axis=0)
    return at_times(trace.time_s, angles, time_s)


def tilted(yaw: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] of a hanging thing: yaw [T, 3, 3], then swung by small angles [T, 2] towards x and y of the world."""
    x, y = np.clip(angles, -0.6, 0.6).T
    axis_y, axis_x = np.zeros((len(yaw), 3, 3)), np.zeros((len(yaw), 3, 3))
    axis_y[:, 1, 1] = axis_x[:, 0, 0] = 1.0
    axis_y[:, 0, 0] = axis_y[:, 2, 2] = np.cos(x)
    axis_y[:, 0, 2], axis_y[:, 2, 0] = -np.sin(x), np.sin(x)  # what is below moves to +x
    axis_x[:, 1, 1] = axis_x[:, 2, 2] = np.cos(y)
    axis_x[:, 1, 2], axis_x[:, 2, 1] = -np.sin(y), np.sin(y)  # what is below moves to +y
    swung: np.ndarray = axis_y @ axis_x @ yaw
    return swung
