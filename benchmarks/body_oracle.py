"""What is missing on the way to a better body: one network on other inputs than it was trained for, and its error taken apart.

    python benchmarks/body_clean.py small clean
    python benchmarks/body_oracle.py RUN clean --people small --also wide=OTHER_RUN --out docs/studies

RUN is measured on the store's test people as a segmenter cut them out, on the silhouettes that no segmenter has touched, with fewer frames beside one
another, and with coarser pictures; other runs on the first of these. What is recovered is kept in --work, so that it goes on where it was stopped.
All is in mm, root-aligned, mean over joints and frames, with 95 % intervals over people. `--people`: the store that the network was trained on.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import csv
import io
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from gaitbridge.evaluation.bodies.errors import MM, mirrored, procrustes
from gaitbridge.evaluation.scoring import bootstrap
from gaitbridge.files import written_whole
from gaitbridge.inference.loading import load
from gaitbridge.machine import described
from gaitbridge.methods.meshgait.reconstruction import ReconstructionConfig
from gaitbridge.models.preparation import prepare_silhouettes
from gaitbridge.simulation.truth import FIELDS, bodies_of
from gaitbridge.store import Store

FRAMES_APART, PHASES, SAMPLE, AT_ONCE = 3, 16, 480, 16
Points = np.ndarray  # [F, J, 3], metres, root at the origin, axes of the viewing ray


def coarser(silhouettes: np.ndarray, times: int) -> np.ndarray:
    """Pictures [T, H, W] of so many times fewer rows and columns, as large as before: what most of each block is."""
    if times == 1:
        return silhouettes
    frames, height, width = silhouettes.shape
    blocks = silhouettes.reshape(frames, height // times, times, width // times, times).mean((2, 4)) >= 127.5
    return np.where(blocks.repeat(times, 1).repeat(times, 2), 255, 0).astype(np.uint8)


def pieces(frames: int, count: int | None, spacing: int) -> list[np.ndarray]:
    """Numbers of the frames that are looked at together: `count` of them (all where None), so far apart; each frame of the walk once."""
    rows = [np.arange(start, frames, spacing) for start in range(spacing)]
    return [row[at : at + (count or frames)] for row in rows for at in range(0, len(row), count or frames)]


def recovered(model: Any, store: Store, numbers: list[int], field: str = "silhouettes", times: int = 1, count: int | None = None,
              spacing: int = FRAMES_APART) -> dict[str, np.ndarray]:
    """Joints [N, T, J, 3] and scales [N, T] of walks of a store, which are equally long.

    times: how much coarser the pictures are; count: frames seen together, all where None; spacing: how many frames they are apart.
    """
    encoder = model.network.silhouette_encoder
    walks = [coarser(store.read(number, [field]).arrays[field], times) for number in numbers]
    joints = np.empty((len(walks), len(walks[0]), encoder.config.joints, 3), np.float32)
    scales, rows = np.empty(joints.shape[:2], np.float32), pieces(len(walks[0]), count, spacing)
    for start in range(0, len(walks), AT_ONCE):
        for length in {len(row) for row in rows}:
            some = [row for row in rows if len(row) == length]
            pictures = np.stack([walk[row] for walk in walks[start : start + AT_ONCE] for row in some])
            with torch.inference_mode():
                found = encoder.read_off(encoder(prepare_silhouettes(torch.from_numpy(pictures)), torch.full((len(pictures),), length)))
            points = found["points"][:, :, : encoder.config.joints]
            metres = ((points - points[:, :, :1]) * found["scale_m"][..., None, None]).unflatten(0, (-1, len(some))).numpy()
            scale = found["scale_m"].unflatten(0, (-1, len(some))).numpy()
            for number, row in enumerate(some):
                joints[start : start + AT_ONCE, row], scales[start : start + AT_ONCE, row] = metres[:, number], scale[:, number]
    return {"joints": joints, "scale_m": scales}


def truths(store: Store, numbers: Iterable[int]) -> dict[str, np.ndarray]:
    """True joints [N, T, J, 3], scales and whether somebody is seen [N, T]."""
    found = []
    for number in numbers:
        row = store.rows[number]
        found.append(bodies_of(store.read(number, FIELDS).arrays, row["source"], (row["height"], row["width"]), mesh=False))
    return {name: np.stack([getattr(one, name) for one in found]) for name in ("joints", "scale_m", "known")}


def kept(path: Path, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of a file, which is made where it is not there."""
    if not path.is_file():
        arrays = make()
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes the names for allow_pickle
        print(f"made {path.name}", flush=True)
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def in_parts(name: Path, numbers: list[int], make: Callable[[list[int]], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What `make` makes of all walks, kept some walks at a time."""
    parts = [kept(name.with_name(f"{name.name}-{at}.npz"), partial(make, numbers[at : at + AT_ONCE])) for at in range(0, len(numbers), AT_ONCE)]
    return {array: np.concatenate([part[array] for part in parts]) for array in parts[0]}


# --- taking an error apart: each gives the body as it would be, were one thing right ---


def turned(own: Points, true: Points) -> Points:
    """By the rotation about the root that fits best, frame by frame."""
    left, _, right = np.linalg.svd(np.einsum("fja,fjb->fab", own, true))
    proper = np.ones((len(own), 1, 3))
    proper[:, 0, 2] = np.sign(np.linalg.det(left @ right))
    return np.einsum("fja,fab->fjb", own, (left * proper) @ right)


def bones(points: Points, parents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths [F, J] of the bones to each joint, and their directions [F, J, 3]."""
    along = points - points[:, np.maximum(parents, 0)]
    lengths = np.linalg.norm(along, axis=2)
    return lengths, along / np.maximum(lengths, 1e-9)[..., None]


def built(lengths: np.ndarray, directions: np.ndarray, parents: np.ndarray) -> Points:
    """Bodies of these bones, from the root on; parents come before their children."""
    points = np.zeros_like(directions)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            points[:, joint] = points[:, parent] + lengths[:, joint, None] * directions[:, joint]
    return points


def better(own: Points, true: Points, mirror: np.ndarray) -> Points:
    """The better of the two readings of an outline."""
    other = mirrored(own, mirror)
    return np.where((off(other, true) < off(own, true))[:, None, None], other, own)


def off(own: Points, true: Points) -> np.ndarray:
    """Mean distance of the joints, mm [F]."""
    distances: np.ndarray = np.linalg.norm(own.astype(float) - true, axis=2).mean(1) * MM
    return distances


def apart(own: Points, true: Points, scales: np.ndarray, walks: np.ndarray, mirror: np.ndarray, parents: np.ndarray) -> dict[str, np.ndarray]:
    """Errors in mm [F] as recovered and were one thing right. scales [F]: true over recovered; walks [F]: whose frames."""
    lengths, directions = bones(own, parents)
    true_lengths, true_directions = bones(true, parents)
    same = np.stack([(own - true)[walks == walk].mean(0) for walk in range(walks.max() + 1)])[walks]
    depth, picture = own.copy(), own.copy()
    depth[..., 2], picture[..., :2] = true[..., 2], true[..., :2]
    return {
        "as recovered": off(own, true),
        "left and right, the better reading": off(better(own, true, mirror), true),
        "its size": off(own * scales[:, None, None], true),
        "each bone's length": off(built(true_lengths, directions, parents), true),
        "its direction about the root": off(turned(own, true), true),
        "direction, size and place (PA)": off(procrustes(own, true), true),
        "depth": off(depth, true),
        "the place in the picture": off(picture, true),
        "what is wrong alike in all of a walk's frames": off(own - same, true),
        "each bone's direction": off(built(lengths, true_directions, parents), true),
    }


# --- bounds of who looks at nothing but knows somebody ---


def phases(joints: Points, middle: Points, axes: np.ndarray) -> np.ndarray:
    """Which of PHASES parts of a stride each frame is in: the angle in the plane of the two largest movements."""
    x, y = ((joints - middle).reshape(len(joints), -1) @ axes.T).T
    part: np.ndarray = ((np.arctan2(y, x) / (2 * np.pi) + 0.5) * PHASES).astype(int) % PHASES
    return part


def knowing(true: Points, view: np.ndarray, person: np.ndarray, take: np.ndarray, training: Points,
            training_view: np.ndarray) -> dict[str, np.ndarray]:
    """Errors in mm [F] of mean poses of the view: of training people, of oneself in other takes; over all phases, and of the frame's true phase."""
    found = {name: np.full(len(true), np.nan) for name in ("training people", "training people, at the phase", "oneself", "oneself, at the phase")}
    for one in np.unique(view):
        others, here = training[training_view == one].astype(float), np.flatnonzero(view == one)
        middle, spread = others.mean(0), (others - others.mean(0)).reshape(len(others), -1)
        axes = np.linalg.svd(spread, full_matrices=False)[2][:2]
        part, of_others = phases(true[here], middle, axes), phases(others, middle, axes)
        at = np.stack([others[of_others == number].mean(0) if (of_others == number).any() else middle for number in range(PHASES)])
        found["training people"][here] = off(np.broadcast_to(middle, true[here].shape), true[here])
        found["training people, at the phase"][here] = off(at[part], true[here])
        for number, frame in enumerate(here):
            own = (person[here] == person[frame]) & (take[here] != take[frame])
            same = own & (part == part[number])
            found["oneself"][frame] = off(true[here][own].mean(0)[None], true[frame][None])[0]
            if same.any():
                found["oneself, at the phase"][frame] = off(true[here][same].mean(0)[None], true[frame][None])[0]
    return found


FRAME_COUNTS = ((1, "frames-1"), (2, "frames-2"), (3, "frames-3"), (4, "segmented"))
ROW_COUNTS = ((16, "rows-16"), (32, "rows-32"), (64, "segmented"))
Row = tuple[str, str, str, float, float, float, int]  # table, what, walks, mm, its interval, frames


def drawn(rows: list[Row], steps: dict[str, int], loss: list[tuple[int, float]], out: Path) -> None:
    """The error but for night against training steps, frames seen together and rows of the picture, beside what clean silhouettes give.

    steps: of the runs by what they are called in rows; loss: (step, the joints' loss in mm a coordinate) as training saw it.
    """
    at = {what: (mm, low, high) for table, what, walks, mm, low, high, _ in rows if table == "inputs" and walks == "but for night"}
    panels = (("training steps", sorted((number, at[name]) for name, number in steps.items() if name in at)),
              ("frames seen together, 0.3 s apart", [(count, at[name]) for count, name in FRAME_COUNTS if name in at]),
              ("rows of the picture", [(rows_of, at[name]) for rows_of, name in ROW_COUNTS if name in at]))
    figure = Figure(figsize=(10, 3.4), dpi=110, layout="constrained", facecolor="white")
    for axes, (what, points) in zip(figure.subplots(1, 3, sharey=True), panels, strict=True):
        x, (mm, low, high) = [place for place, _ in points], np.array([values for _, values in points]).T
        axes.errorbar(x, mm, (mm - low, high - mm), marker="o", capsize=3, color="#2563eb", label="MPJPE, segmented")
        axes.axhline(at["clean"][0], color="#16a34a", linestyle="--", label="with clean silhouettes")
        axes.axhline(40, color="#94a3b8", linestyle=":", label="the aim")
        if what == "training steps" and loss:
            axes.plot(*zip(*loss, strict=True), color="#f59e0b", label="joints' loss on training people, mm a coordinate")
        axes.set_xlabel(what)
        if what != "training steps":
            axes.set_xticks(x)
        axes.set_ylim(0, 1.1 * max(values[2] for values in at.values()))
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("mm, test people but for night")
    figure.axes[0].legend(fontsize=7, frameon=False)
    with written_whole(out) as temporary:
        figure.savefig(temporary, format="png")


def losses(log: Path | None, apart_steps: int = 250) -> list[tuple[int, float]]:
    """(step, the joints' loss in mm a coordinate) of a run's log.jsonl, its mean over so many steps; the weight in the loss is the default's."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log is not None else []
    values = [(line["step"], line["losses"]["joints"] / ReconstructionConfig().joints * MM) for line in lines if line["kind"] == "train"]
    last = max((step for step, _ in values), default=0)
    ends = range(apart_steps, last + 1, apart_steps)
    return [(end, float(np.mean([mm for step, mm in values if end - apart_steps < step <= end]))) for end in ends]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("store", type=Path)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--also", nargs="*", default=[])
    parser.add_argument("--work", type=Path, default=Path("oracle"))
    parser.add_argument("--views", nargs="+", default=["000", "045", "090", "180"])
    parser.add_argument("--only", nargs="*", help="recover these alone, and measure nothing")
    parser.add_argument("--without", nargs="*", default=[], help="leave these out")
    parser.add_argument("--log", type=Path, help="log.jsonl of the run's training")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{given.run} on {given.store}; {described()}", flush=True)
    store, model = Store(given.store), load(given.run)
    given.work.mkdir(parents=True, exist_ok=True)
    rows_of = [row for row in store.rows if row["view"] in given.views]
    numbers = [number for number, row in enumerate(store.rows) if row["view"] in given.views]
    true, read_out = kept(given.work / "truth.npz", lambda: truths(store, numbers)), model.read_out
    of = partial(recovered, model, store)
    ways: dict[str, Callable[[list[int]], dict[str, np.ndarray]]] = {
        "segmented": of, "clean": partial(of, field="clean_silhouettes"), "near": partial(of, spacing=1),
        **{f"frames-{count}": partial(of, count=count) for count in (1, 2, 3)},
        **{f"rows-{64 // times}": partial(of, times=times) for times in (2, 4)},
    }
    for one in given.also:
        name, _, run = one.partition("=")
        path, _, which = run.partition("@")
        ways[name] = partial(recovered, load(path, which or "last"), store)
    found = {name: in_parts(given.work / name, numbers, ways[name]) for name in given.only or ways if name not in given.without}
    if given.only:
        return
    seen = np.stack([store.read(number, ["silhouettes"]).arrays["silhouettes"].any((1, 2)) for number in numbers])
    known = true["known"] & seen
    walks = np.broadcast_to(np.arange(len(known))[:, None], known.shape)[known]
    person, view, condition, take = (np.array([row[name] for row in rows_of])[walks] for name in ("person", "view", "condition", "take"))
    take = np.char.add(condition, take.astype(str))
    joints = true["joints"][known]
    groups = {"all": np.ones(len(walks), bool), "but for night": condition != "night", **{name: condition == name for name in np.unique(condition)}}
    rows: list[Row] = []

    def tell(table: str, name: str, errors: np.ndarray, only: tuple[str, ...] = ()) -> None:
        for group, chosen in groups.items():
            chosen = chosen & np.isfinite(errors)
            if (only and group not in only) or not chosen.any():
                continue
            names = np.unique(person[chosen])
            sums = np.array([[errors[chosen & (person == who)].sum(), (chosen & (person == who)).sum()] for who in names])
            low = high = float("nan")
            if len(names) > 1:
                drawn = bootstrap.people_draws(sums, list(names), 0)
                low, high = bootstrap.interval(drawn[:, 0] / drawn[:, 1])
            rows.append((table, name, group, float(errors[chosen].mean()), low, high, int(chosen.sum())))
            if group in ("all", "but for night", "normal", "night"):
                print(f"{table:8} {name:48} {group:14} {rows[-1][3]:6.1f} [{low:.1f}, {high:.1f}]", flush=True)

    for name, arrays in found.items():
        own = arrays["joints"][known] - arrays["joints"][known][:, :1]
        tell("inputs", name, off(own, joints))
        if name in ("segmented", "clean"):
            scales = (true["scale_m"] / arrays["scale_m"])[known]
            for part, errors in apart(own, joints, scales, walks, read_out.mirror_joints, read_out.parents).items():
                tell(f"split of {name}", part, errors, ("all", "but for night", "normal", "night"))
    trained = Store(given.people)
    numbers = [number for number, row in enumerate(trained.rows) if row["split"] == "train" and row["view"] in given.views]
    numbers = sorted(numbers, key=lambda number: trained.rows[number]["view"])[:: max(1, len(numbers) // SAMPLE)]  # of all views alike
    still = kept(given.work / "training.npz", lambda: truths(trained, numbers))
    training_view = np.array([trained.rows[number]["view"] for number in numbers])[np.nonzero(still["known"])[0]]
    for name, errors in knowing(joints, view, person, take, still["joints"][still["known"]], training_view).items():
        tell("bounds", name, errors, ("all", "but for night", "normal", "night"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("table", "what", "walks", "mm", "low", "high", "frames"))
    writer.writerows([(*row[:3], *(f"{value:.2f}" for value in row[3:6]), row[6]) for row in rows])
    given.out.mkdir(parents=True, exist_ok=True)
    with written_whole(given.out / "meshgait-body.csv") as temporary:
        temporary.write_text(text.getvalue())
    steps = {"segmented": model.config.steps, **{name: int(name.split("-")[1]) for name in ways if name.startswith(("steps-", "wide-"))}}
    drawn(rows, steps, losses(given.log), given.out / "meshgait-body.png")


if __name__ == "__main__":
    main()
