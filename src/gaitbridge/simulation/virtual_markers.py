"""Virtual markers of a body model: a few vertices of which every other is, in any pose, a sparse convex combination (Ma et al., CVPR 2023).

Archetypal analysis, X ~ X B A with B and A convex (Cutler and Breiman 1994), where each archetype has to be one vertex: X [3 n, V] holds every
vertex's path over n posed bodies. Vertices are added one pair at a time where they lie farthest outside the convex hull of those chosen,
then exchanged while that lowers the error. Alternating least squares with snapping to
vertices, as the source has it, was tried first (docs/virtual_markers.md).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree

from gaitbridge import plugins
from gaitbridge.config import checked
from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.progress import Progress, silent
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.body._read_out import ReadOut, write_read_out
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import Person, take_of

COORDINATES = 60  # of a vertex's path: what is left out is 1.8 mm
SUM_TO_ONE = 10.0  # weight of that row in the least squares, in metres
SMALLEST = 0.01  # combination weights below this are dropped and the others fitted anew
RIDGE_M = 0.0005  # of the dense map: noise that its points are taken to have
MM = 1000.0


class Posed(NamedTuple):
    """Bodies about their root, metres: joints [n, J, 3], vertices [n, V, 3]."""

    joints: np.ndarray
    vertices: np.ndarray


def learn_markers(out: Path, *, body: str = "anny", markers: int = 64, people: int = 150, held_out: int = 50, seed: int = 0, smpl: Path | None = None,
                  progress: Progress = silent) -> dict[str, Any]:
    """Learn the virtual markers of a body model and write its read-out to `out`, whole or not at all; returns what `about` holds.

    body: anny (its reduced mesh) or smpl (the file `smpl`, which the user supplies). people: walking people to learn from, five poses each;
    held_out: others, on whom the errors are measured. UserError where a count makes no sense or the SMPL file is missing.
    """
    if markers < 8 or markers % 2:
        raise UserError(f"{markers} markers: take an even number from 8, so that they come in pairs")
    if people < 10 or held_out < 2:
        raise UserError(f"{people} people to learn from and {held_out} held out: take at least 10 and 2")
    made, draw = _open(body, smpl, seed)
    learnt, unseen = draw("learnt", people, progress), draw("unseen", held_out, progress)
    rest = made.rest(made.shared_shape()).vertices_m
    mirror = mirror_of(rest)
    chosen = choose(learnt.vertices, mirror, rest[:, 1] > 0, markers, seed, progress)
    read_out = fitted(made, learnt, chosen, mirror)
    about = {"body": made.name, "markers": markers, "people": people, "held_out": held_out, "seed": seed,
             "non_zeros": round(float(np.diff(read_out.convex.indptr).mean()), 2), **errors_mm(read_out, unseen)}
    write_read_out(ReadOut(**{**read_out.__dict__, "about": about}), out)
    return about


def _open(body: str, smpl: Path | None, seed: int) -> tuple[Body, Callable[[str, int, Progress], Posed]]:
    """A body model and what draws posed bodies of it: (purpose, people, progress)."""
    if body == "anny":
        from gaitbridge.simulation.body import anny

        return anny.open_body("reduced"), lambda purpose, people, progress: walking_people(purpose, people, seed, progress)
    if body == "smpl":
        smpl_body = plugins.load("gaitbridge.simulation.body", "smpl")
        model = smpl_body.open_body(str(smpl) if smpl is not None else "")
        return model, lambda purpose, people, progress: smpl_body.draw_poses(model, purpose, people, seed, progress)
    raise UserError(f"no virtual markers can be learnt for the body {body!r}: anny or smpl")


def walking_people(purpose: str, people: int, seed: int, progress: Progress = silent, poses: int = 5) -> Posed:
    """Anny bodies of people who each walk in their own way, at `poses` moments of a few seconds."""
    config, found = checked(CohortConfig, {"seed": int(stream(seed, "virtual markers", purpose).integers(2**31))}), []
    for number in range(people):
        name = f"{purpose}{number}"
        take = take_of(config, Person(name, "train", (("normal", 0),)), 0, name)
        dressed = take.walker.dressed(np.linspace(take.clock.camera_s[0], take.clock.camera_s[-1], poses))
        root = dressed.joints_m[:, :1]
        found.append(Posed(dressed.joints_m - root, dressed.bare_m - root))
        progress(number + 1, people, purpose)
    return Posed(np.concatenate([one.joints for one in found]), np.concatenate([one.vertices for one in found]))


def mirror_of(points_m: np.ndarray, near: int = 8) -> np.ndarray:
    """int32 [P]: the number of each point's image on the other side (y to -y); pairs also where a body is only nearly symmetric.

    near: how many neighbours of the mirrored place may be its image. ValueError where these do not allow to pair all points.
    """
    distance, nearest = cKDTree(points_m).query(points_m * np.array([1.0, -1.0, 1.0]), k=min(near, len(points_m)))
    first, own = nearest[:, 0], np.arange(len(points_m))
    if np.array_equal(first[first], own):
        return np.asarray(first, np.int32)
    costs = csr_matrix((distance.ravel() ** 2 + 1e-9, (own.repeat(nearest.shape[1]), nearest.ravel())), shape=(len(own), len(own)))
    return np.asarray(min_weight_full_bipartite_matching(costs.maximum(costs.T))[1], np.int32)


def mirror_names(names: Sequence[str]) -> np.ndarray:
    """int32 [J]: the number of each joint's partner by name (LeftFoot, L_Foot, left_foot and their right ones), its own for the others.

    By name, as joints of both sides may lie in one place, as Anny's hip joints do.
    """
    def partner(name: str) -> str:
        for left, right in (("Left", "Right"), ("left", "right"), ("L", "R")):
            for a, b in ((left, right), (right, left)):
                if name.startswith(a) and b + name[len(a) :] in names:
                    return b + name[len(a) :]
        return name

    return np.array([names.index(partner(name)) for name in names], np.int32)


def choose(vertices: np.ndarray, mirror: np.ndarray, left: np.ndarray, markers: int, seed: int, progress: Progress = silent, rounds: int = 2,
           tries: int = 6) -> np.ndarray:
    """int32 [markers] of the vertices [n, V, 3]: those on the midline first, then the left one of each pair, then their images in the same order.

    mirror [V]: each vertex's image; left bool [V]: which are on the left side.
    """
    paths = coordinates(vertices)
    # 1. add the vertex that lies farthest outside the hull of those chosen, with its mirror image
    midline = np.flatnonzero(mirror == np.arange(len(mirror)))
    first = [int(midline[np.argmax(vertices[:, midline, 2].mean(0))]), int(midline[np.argmin(vertices[:, midline, 2].mean(0))])]
    middle, paired = first, list[int]()
    while (count := len(middle) + 2 * len(paired)) < markers:
        outside = residuals(paths, _all(middle, paired, mirror))
        outside[_all(middle, paired, mirror)] = -1.0  # also where none lies outside any more
        if count == markers - 1:
            outside[mirror != np.arange(len(mirror))] = -1.0  # the last one has no room for a pair
        farthest = int(np.argmax(outside))
        if mirror[farthest] == farthest:
            middle = [*middle, farthest]
        else:
            paired.append(farthest if left[farthest] else int(mirror[farthest]))
        progress(count, markers, "choose")
    # 2. exchange a marker, with its image, for one of the vertices that are worst off, while the error falls
    random, best = stream(seed, "virtual markers", "exchange"), _cost(paths, _all(middle, paired, mirror))
    for number in range(rounds * len(paired)):
        place = number % len(paired)
        outside = residuals(paths, _all(middle, paired, mirror))
        outside[~left] = 0.0
        for candidate in random.choice(len(outside), tries, replace=False, p=outside**2 / (outside**2).sum()):
            tried = [*paired[:place], int(candidate), *paired[place + 1 :]]
            if len(set(_all(middle, tried, mirror).tolist())) == markers and (cost := _cost(paths, _all(middle, tried, mirror))) < best:
                paired, best = tried, cost
        progress(number + 1, rounds * len(paired), f"exchange, {best * MM:.1f} mm")
    return _all(middle, paired, mirror)


def _all(middle: Sequence[int], paired: Sequence[int], mirror: np.ndarray) -> np.ndarray:
    return np.array([*middle, *paired, *(mirror[one] for one in paired)], np.int32)


def coordinates(vertices: np.ndarray, keep: int = COORDINATES) -> np.ndarray:
    """Vertices' paths [n, V, 3] in few coordinates [keep, V] whose distances are those of the paths, root mean square over poses, in metres."""
    flat = vertices.transpose(0, 2, 1).reshape(-1, vertices.shape[1]).astype(np.float64)
    if len(flat) < flat.shape[1]:  # the smaller side has the same principal axes
        reduced: np.ndarray = np.linalg.eigh(flat @ flat.T)[1][:, ::-1][:, :keep].T @ flat / np.sqrt(len(vertices))
    else:
        strength, axes = np.linalg.eigh(flat.T @ flat / len(vertices))
        reduced = (axes[:, ::-1][:, :keep] * np.sqrt(np.maximum(strength[::-1][:keep], 0.0))).T
    return reduced * np.sign(reduced[:, :1] + 1e-30)  # the sign of an axis is the library's choice


def convex_weights(paths: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """float64 [V, M]: each vertex's nearest convex combination of the chosen ones (Lawson and Hanson's NNLS with a row for the sum)."""
    basis = np.vstack([paths[:, chosen], np.full((1, len(chosen)), SUM_TO_ONE)])
    found = np.stack([nnls(basis, np.append(path, SUM_TO_ONE))[0] for path in paths.T])
    return found / found.sum(1, keepdims=True)


def residuals(paths: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """float64 [V]: how far, in metres, each vertex's path lies outside the convex hull of the chosen ones."""
    distances: np.ndarray = np.linalg.norm(paths - paths[:, chosen] @ convex_weights(paths, chosen).T, axis=0)
    return distances


def _cost(paths: np.ndarray, chosen: np.ndarray) -> float:
    return float(residuals(paths, chosen).mean())


def sparse_weights(paths: np.ndarray, chosen: np.ndarray) -> csr_matrix:
    """The convex weights with small ones dropped and the others fitted anew: float32 [V, M], rows sum to one."""
    weights = convex_weights(paths, chosen)
    for vertex, row in enumerate(weights):
        kept = np.flatnonzero(row >= SMALLEST)
        basis = np.vstack([paths[:, chosen[kept]], np.full((1, len(kept)), SUM_TO_ONE)])
        fit = nnls(basis, np.append(paths[:, vertex], SUM_TO_ONE))[0]
        weights[vertex] = 0.0
        weights[vertex, kept] = fit / fit.sum()
    weights[chosen] = np.eye(len(chosen))
    return csr_matrix(weights.astype(np.float32))


def dense_weights(learnt: Posed, chosen: np.ndarray) -> np.ndarray:
    """float32 [V, J + M]: least squares of the vertices on joints and markers, rows sum to one; a little ridge, as real points are not exact."""
    points = np.concatenate([learnt.joints, learnt.vertices[:, chosen]], axis=1).astype(np.float64)
    known = points.transpose(0, 2, 1).reshape(-1, points.shape[1])
    wanted = learnt.vertices.transpose(0, 2, 1).reshape(-1, learnt.vertices.shape[1]).astype(np.float64)
    gram = known.T @ known + (RIDGE_M**2 * len(known)) * np.eye(known.shape[1]) + SUM_TO_ONE**2 * len(known)
    found = np.linalg.solve(gram, known.T @ wanted + SUM_TO_ONE**2 * len(known)).T
    return np.asarray(found / found.sum(1, keepdims=True), np.float32)


def fitted(body: Body, learnt: Posed, chosen: np.ndarray, mirror: np.ndarray) -> ReadOut:
    """The read-out of chosen markers; `about` is still empty."""
    place = {int(vertex): number for number, vertex in enumerate(chosen)}
    images = np.array([place[int(mirror[vertex])] for vertex in chosen], np.int32)
    joints = mirror_names(body.joint_names)
    return ReadOut(body.name, body.joint_names, np.asarray(body.parents, np.int32), chosen.astype(np.int32), body.triangles,
                   sparse_weights(coordinates(learnt.vertices), chosen), dense_weights(learnt, chosen), joints, images, mirror, {})


def errors_mm(read_out: ReadOut, posed: Posed) -> dict[str, float]:
    """Mean and 95th percentile over vertices and bodies of the distance between read-out and true vertices, in mm, convex and dense."""
    found: dict[str, float] = {}
    markers = posed.vertices[:, read_out.marker_vertices]
    for name in ("convex", "dense"):
        distance = MM * np.linalg.norm(read_out.vertices(posed.joints, markers, dense=name == "dense") - posed.vertices, axis=2)
        found |= {f"{name}_mean_mm": round(float(distance.mean()), 2), f"{name}_p95_mm": round(float(np.percentile(distance, 95)), 2)}
    return found
