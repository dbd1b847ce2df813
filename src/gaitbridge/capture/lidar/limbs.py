"""What belongs to a person beyond their cluster: hands and legs behind a gap, and feet among the returns of the ground."""

from collections.abc import Sequence

import numpy as np

GAP_M = 0.35  # between a person and a limb of theirs, where an arm or another person hides what joins them
LEGS_M = 0.45  # of a person's points, those up to here are legs
REACH_M = 0.2  # of a foot's points from the leg's
AROUND_M = (0.4, 1.5)  # from the person's middle, where the ground is measured
LEAST_M, NOISES = 0.025, 3.0  # above the ground around


def feet(points: np.ndarray, height_m: np.ndarray, person: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Which of the points are a person's feet: their numbers [F].

    points [P, 3], levelled, with heights [P] above the rough ground; person and ground: numbers of the person's points and of those that were
    taken for the ground. Where too little ground is seen around the person there are none.
    """
    from scipy.spatial import cKDTree

    legs = person[height_m[person] < height_m[person].min() + LEGS_M]
    away = np.linalg.norm(points[ground, :2] - points[legs, :2].mean(0), axis=1)
    near = ground[away < AROUND_M[1]]
    floor = height_m[ground[(away > AROUND_M[0]) & (away < AROUND_M[1])]]
    if len(floor) < 10 or not len(near):
        return np.empty(0, np.int64)
    middle = float(np.median(floor))
    noise = 1.4826 * float(np.median(np.abs(floor - middle)))
    near = near[height_m[near] > middle + max(LEAST_M, NOISES * noise)]
    if not len(near):
        return near
    distance, _ = cKDTree(points[legs]).query(points[near], distance_upper_bound=REACH_M)
    return np.asarray(near[np.isfinite(distance)])


def limbs(points: np.ndarray, person: np.ndarray, pieces: Sequence[np.ndarray], middles: np.ndarray, widest_m: float) -> np.ndarray:
    """Which of the pieces, clusters too small for a person, are a person's: the numbers of their points [L].

    points [P, 3], levelled; person and each of the pieces: numbers of points; middles [N, 2], where the pieces are. Whatever would make the
    person wider than `widest_m` is none.
    """
    from scipy.spatial import cKDTree

    near = np.flatnonzero(np.abs(middles - points[person, :2].mean(0)).max(1, initial=0.0) < widest_m)
    if not len(near):
        return np.empty(0, np.int64)
    tree = cKDTree(points[person])
    mine = [pieces[number] for number in near.tolist() if float(tree.query(points[pieces[number]])[0].min()) <= GAP_M]
    mine = [piece for piece in mine if float(np.ptp(points[np.concatenate([person, piece]), :2], axis=0).max()) <= widest_m]
    return np.concatenate(mine) if mine else np.empty(0, np.int64)
