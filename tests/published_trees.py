"""Small trees in the layouts of the public datasets, with random content: what importers are tested on.

`TREES[name](root)` writes one and returns what its store must hold: key -> (fields of the labels, arrays). An importer without an entry here
fails its contract test. `damage` spoils files.
"""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Expected = dict[str, tuple[dict[str, Any], dict[str, np.ndarray]]]
PARTITIONS: dict[str, dict[str, list[str]]] = {
    "gait3d": {"TRAIN_SET": ["0000", "0001", "0777"], "TEST_SET": ["0100", "0101"],
               "PROBE_SET": ["0100-camid0_videoid2-seq0", "0101-camid3_videoid1-seq0", "0777-camid0_videoid2-seq0"]},
    "ccpg": {"TRAIN_SET": ["000", "001"], "TEST_SET": ["100"]},
    "sustech1k": {"TRAIN_SET": ["0000", "0002"], "TEST_SET": ["0001"]},
    "gait3d_parsing": {"TRAIN_SET": ["0000"], "TEST_SET": ["0100", "0101"], "PROBE_SET": ["0100-camid0_videoid2-seq0"]},
    "ccgr_mini": {"TRAIN_SET": ["1"], "TEST_SET": ["601", "602"], "GALLERY_SET": ["601-NM1-over.avi"]},
    "mmgait": {"TRAIN_SET": ["0220"], "TEST_SET": ["0418", "0273"]},
    "freegait": {"TRAIN_SET": ["0002", "0003"], "TEST_SET": ["0001"], "PROBE_SET": ["0001-devid_3-seq_02_new"]},
}


def dump(value: Any, path: Path, protocol: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def partition(name: str, folder: Path) -> Path | None:
    """The partition file of a dataset that needs one."""
    if name not in PARTITIONS:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(PARTITIONS[name]))
    return path


def silhouettes(random: np.random.Generator, frames: int = 3, width: int = 64) -> np.ndarray:
    return np.where(random.random((frames, 64, width)) > 0.5, 255, 0).astype(np.uint8)


def smpl_rows(random: np.random.Generator, frames: int = 3) -> np.ndarray:
    return random.standard_normal((frames, 85)).astype(np.float32)


def clouds(random: np.random.Generator, frames: int = 3) -> list[np.ndarray]:
    """A person-sized box of points ahead of SUSTech1K's LiDAR (along -x), as many as come, float64."""
    return [np.array([-8.0, 0.0, -0.5]) + (random.random((60 + 7 * frame, 3)) - 0.5) * np.array([0.4, 0.6, 1.7]) for frame in range(frames)]


def _plain(root: Path, sequences: dict[str, dict[str, Any]]) -> Expected:
    """One file of silhouettes a sequence."""
    random, expected = np.random.default_rng(1), {}
    for key, named in sequences.items():
        made = silhouettes(random)
        dump(made, root / key / f"{Path(key).name}.pkl")
        expected[key] = (named, {"silhouettes": made})
    return expected


def casia_b(root: Path) -> Expected:
    people = {"001": "train", "005": "train", "074": "train", "075": "test", "124": "test"}
    types = {"nm-01": ("nm", 1), "bg-02": ("bg", 2)}
    return _plain(root, {f"{person}/{kind}/{view}": {"split": split, "condition": condition, "take": take, "view": view, "view_deg": float(view)}
                         for person, split in people.items() for kind, (condition, take) in types.items() for view in ("000", "126")})


def oumvlp(root: Path) -> Expected:
    people = {"00001": "train", "00003": "train", "00002": "test", "10307": "test"}
    return _plain(root, {f"{person}/{kind}/270": {"split": split, "condition": "", "take": int(kind), "view": "270", "view_deg": 270.0}
                         for person, split in people.items() for kind in ("00", "01")})


def grew(root: Path) -> Expected:
    where = {"00001train/00/4XPn5Z28": ("train", 0), "00002train/00/5TXe8svE": ("train", 0), "00001/01/79XJefi8": ("test", 1),
             "00001/02/t16VLaQf": ("test", 2), "probe/03/etaGVnWf": ("test", 3), "probe/03/eT1EXpgZ": ("test", 3)}
    return _plain(root, {key: {"split": split, "take": take, "view": key.split("/")[2]} for key, (split, take) in where.items()})


def ccpg(root: Path) -> Expected:
    random, expected = np.random.default_rng(2), {}
    for person, split in {"000": "train", "001": "train", "100": "test"}.items():
        for kind in ("U0_D0", "U0_D0_BG"):
            made, folder = silhouettes(random), root / person / kind / "07_1"
            dump(made, folder / "07_1-aligned-sils.pkl")
            dump(random.integers(0, 255, (3, 3, 128, 128), np.uint8), folder / "07_1-rgbs.pkl")
            dump(silhouettes(random)[:, ::2], folder / "07_1-sils.pkl")
            named = {"split": split, "condition": kind, "camera": "07", "take": 1, "view": "07_1"}
            expected[f"{person}/{kind}/07_1"] = (named, {"silhouettes": made})
    return expected


def gait3d(root: Path) -> Expected:
    """People with the two files, with one plain file, and with a .npz a frame."""
    random, expected = np.random.default_rng(3), {}
    where = {"0000/camid0_videoid2/seq0": "train", "0001/camid10_videoid0/seq12": "train", "0100/camid0_videoid2/seq0": "test",
             "0100/camid1_videoid2/seq1": "test", "0101/camid3_videoid1/seq0": "test", "0999/camid0_videoid0/seq0": ""}
    for key, split in where.items():
        person, kind, view = key.split("/")
        arrays = {"silhouettes": silhouettes(random)}
        if person == "0001":
            dump(arrays["silhouettes"], root / key / f"{view}.pkl")
            arrays |= original_smpl(root / key, random)
        else:
            dump(arrays["silhouettes"], root / key / f"sils-{view}.pkl")
            arrays["smpl"] = smpl_rows(random)
            dump(arrays["smpl"] if person == "0000" else list(arrays["smpl"]), root / key / f"smpls-{view}.pkl", 2)
        camera, take = kind.removeprefix("camid").split("_videoid")
        if split:
            expected[key] = ({"split": split, "camera": camera, "take": int(take), "view": view, "condition": ""}, arrays)
    return expected


def original_smpl(folder: Path, random: np.random.Generator, frames: int = 3, vertices: bool = True) -> dict[str, np.ndarray]:
    """A .npz a frame as first published: `results`, an array of objects with a list of one dict in half precision."""
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, list[np.ndarray]] = {"smpl": [], "smpl_joints": [], "smpl_vertices": []}
    for number in range(frames):
        cam, poses, betas = (random.standard_normal(size).astype(np.float16) for size in (3, 72, 10))
        one = {"cam": cam, "poses": poses, "betas": betas, "j3d_smpl24": random.standard_normal((24, 3)).astype(np.float16),
               "pj2d": random.standard_normal((54, 2)).astype(np.float16)}
        if vertices:
            one["verts"] = random.standard_normal((6890, 3)).astype(np.float16)
            made["smpl_vertices"].append(one["verts"])
        held = np.empty((), object)
        held[()] = [one]
        np.savez(folder / f"human_crop_f{9 + number}.npz", results=held)  # 9, 10, 11: an order of texts would be another
        made["smpl"].append(np.concatenate([cam, poses, betas]))
        made["smpl_joints"].append(one["j3d_smpl24"])
    return {name: np.stack(arrays).astype(np.float32) for name, arrays in made.items() if arrays}


def oumvlp_mesh(root: Path) -> Expected:
    """SMPL alone, in each of the forms; half of it beside silhouettes."""
    random, expected = np.random.default_rng(4), {}
    for person, split in {"00001": "train", "00002": "test", "00004": "test", "00006": "test"}.items():
        key, arrays = f"{person}/01/015", {}
        if person == "00001":
            arrays = {"silhouettes": silhouettes(random)} | original_smpl(root / key, random, vertices=False)
            dump(arrays["silhouettes"], root / key / "015.pkl")
        elif person == "00002":
            arrays["smpl"] = smpl_rows(random)
            dump(arrays["smpl"], root / key / "smpls-015.pkl")
        elif person == "00004":
            joints = random.standard_normal((3, 24, 3)).astype(np.float32)
            for number, frame in enumerate(joints):
                (root / key).mkdir(parents=True, exist_ok=True)
                (root / key / f"{number}.json").write_text(json.dumps({"hc3d": frame.tolist()}))
            arrays["smpl_joints"] = joints
        else:
            pose, betas = random.standard_normal((3, 24, 3)).astype(np.float32), random.standard_normal(10).astype(np.float32)
            dump({"pose": pose, "shape": betas}, root / key / "smpls-015.pkl")
            camera = np.full((3, 3), np.nan, np.float32)
            arrays["smpl"] = np.concatenate([camera, pose.reshape(3, 72), betas[None].repeat(3, 0)], axis=1)
        expected[key] = ({"split": split, "take": 1, "view": "015", "view_deg": 15.0}, arrays)
    return expected


def sustech1k(root: Path) -> Expected:
    """Sixteen files a sequence; the synchronised ones have 3 frames, the others 3 of the LiDAR and 9 of the camera."""
    random, expected = np.random.default_rng(5), {}
    for person, split in {"0000": "train", "0001": "test", "0002": "train"}.items():
        for kind, (take, condition) in {"00-nm": (0, "nm"), "03-nt-nm": (3, "nt-nm")}.items():
            for view, angle in {"000-far": 0.0, "045": 45.0}.items():
                key = f"{person}/{kind}/{view}"
                sustech1k_files(root / key, view, random, "", 0, 9)
                arrays = sustech1k_files(root / key, view, random, "sync-", 8, 3)
                named = {"split": split, "take": take, "condition": condition, "view": view, "view_deg": angle, "camera_hz": 10.0, "lidar_hz": 10.0}
                expected[key] = (named, arrays)
    return expected


def sustech1k_files(folder: Path, view: str, random: np.random.Generator, sync: str, first: int, camera: int) -> dict[str, np.ndarray]:
    """Eight files; what the store must hold of them."""
    from gaitbridge.geometry.projection import SUSTECH1K, range_view

    points = clouds(random)
    arrays = {
        "depth_pictures": random.integers(0, 256, (3, 3, 64, 64), np.uint8), "lidar_silhouettes": silhouettes(random),
        "keypoints": random.random((camera, 17, 3)).astype(np.float32), "frame_ratios": random.random((camera, 2)).astype(np.float32),
        "silhouettes": silhouettes(random, camera),
    }
    files = {"LiDAR-PCDs": points, "LiDAR-PCDs_depths": arrays["depth_pictures"], "LiDAR-PCDs_sils": arrays["lidar_silhouettes"],
             "Camera-Pose": arrays["keypoints"].astype(float), "Camera-Ratios-HW": list(arrays["frame_ratios"].astype(float)),
             "Camera-RGB_raw": random.integers(0, 256, (camera, 3, 64, 64), np.uint8), "Camera-Sils_aligned": arrays["silhouettes"],
             "Camera-Sils_raw": silhouettes(random, camera)}
    for number, (name, value) in enumerate(files.items()):
        dump(value, folder / f"{first + number:02d}-{sync}{view}-{name}.pkl")
    arrays["points"] = np.concatenate([np.column_stack([cloud, np.full(len(cloud), np.nan), np.full(len(cloud), number)])
                                       for number, cloud in enumerate(points)]).astype(np.float32)
    arrays["range_views"] = np.stack([range_view(cloud, SUSTECH1K) for cloud in points])
    return arrays | drawn(arrays["keypoints"])


def drawn(keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """What becomes of COCO's keypoints beside themselves."""
    from gaitbridge.geometry.skeleton_maps import skeleton_maps

    return {"skeletons": keypoints, "pose_heatmaps": skeleton_maps(keypoints, (64, 64))}


def freegait(root: Path) -> Expected:
    """0001 and 0003 with metres, 0002 with a picture; files in either place."""
    random, expected = np.random.default_rng(6), {}
    for person, split in {"0001": "test", "0002": "train", "0003": "train"}.items():
        for view, take in {"seq_02_new": 2, "seq_00": 0}.items():
            key, points = f"{person}/devid_3/{view}", clouds(random)
            arrays = {"silhouettes": silhouettes(random), "smpl": smpl_rows(random)}
            given: dict[str, Any] = {"image": arrays["silhouettes"], "lidar": points, "smpl": arrays["smpl"], "kp3d": random.random((3, 24, 3))}
            if person == "0001":
                given["kp3d"], arrays["pose_heatmaps"] = in_space(random)
            if person == "0002":
                given["range_pkl"] = arrays["depth_pictures"] = random.integers(0, 256, (3, 3, 64, 64), np.uint8)
            else:
                ranges = (8 + random.random((3, 64, 64))).astype(np.float32)
                ranges[:, :, :20] = 0
                given["range_pkl"] = ranges
                arrays["range_views"] = np.where(ranges > 0, ranges, np.nan)
            for name, value in given.items():
                dump(value, root / key / (f"{name}.pkl" if person != "0003" else f"{name}/{name}.pkl"))
            arrays["points"] = np.concatenate([np.column_stack([cloud, np.full(len(cloud), np.nan), np.full(len(cloud), number)])
                                               for number, cloud in enumerate(points)]).astype(np.float32)
            expected[key] = ({"split": split, "camera": "3", "take": take, "view": view}, arrays)
    return expected


def casia_e(root: Path) -> Expected:
    people = {"001": "train", "200": "train", "201": "test", "1014": "test"}
    types = {"H-scene1-nm-1": ("H", "nm", 1), "L-scene3_s-bg-2": ("L", "bg", 2)}
    return _plain(root, {f"{person}/{kind}/090": {"split": split, "camera": camera, "condition": condition, "take": take, "view_deg": 90.0}
                         for person, split in people.items() for kind, (camera, condition, take) in types.items()})


def parsed(random: np.random.Generator, frames: int = 3) -> np.ndarray:
    return random.integers(0, 12, (frames, 64, 64), np.uint8)


def gait3d_parsing(root: Path) -> Expected:
    random, expected = np.random.default_rng(7), {}
    for person, split in {"0000": "train", "0100": "test", "0101": "test"}.items():
        key, made = f"{person}/camid0_videoid2/seq0", parsed(random)
        dump(made if person != "0101" else list(made), root / key / "seq0.pkl")
        expected[key] = ({"split": split, "camera": "0", "take": 2, "view": "seq0"}, {"parsing": made})
    return expected


def _ccgr(root: Path, people: dict[str, str], suffix: str) -> Expected:
    """Silhouettes, parsed bodies and poses, each in a file that a word of its name tells."""
    random, expected = np.random.default_rng(8), {}
    for person, split in people.items():
        aside = {"condition": "BGHV", "view_deg": 67.5, "camera": "layer 2"}
        for kind, view, named in (("BGHV1", "67_5_2", aside), ("NM1", "over", {"condition": "NM"})):
            key, pose = f"{person}/{kind}/{view}{suffix}", random.random((3, 17, 3)).astype(np.float32)
            arrays = {"silhouettes": silhouettes(random), "parsing": parsed(random), "keypoints": pose, **drawn(pose)}
            for number, (word, name) in enumerate({"sil": "silhouettes", "par": "parsing", "pose": "keypoints"}.items(), start=2):
                dump(arrays[name], root / key / f"{number:03d}-{view}{word}-1.pkl")
            dump(random.integers(0, 255, (3, 3, 8, 8), np.uint8), root / key / f"001-{view}rgb_f-1.pkl")
            expected[key] = ({"split": split, "take": 1, **named}, arrays)
    return expected


def ccgr(root: Path) -> Expected:
    return _ccgr(root, {"1": "train", "600": "train", "601": "test", "1000": "test"}, "")


def ccgr_mini(root: Path) -> Expected:
    return _ccgr(root, {"1": "train", "601": "test", "602": "test"}, ".avi")


def mmgait(root: Path) -> Expected:
    """All thirteen files; what the store must hold of the camera and the LiDAR."""
    random, expected = np.random.default_rng(9), {}
    for person, split in {"0220": "train", "0418": "test", "0273": "test"}.items():
        for kind in ("NM-01", "BG-01"):
            key, pose, points = f"{person}/{kind}/045", random.random((3, 17, 3)).astype(np.float32), clouds(random)
            coloured = ("depth", "event", "ir", "lidar_depth", "radar_depth", "rgb")
            given: dict[str, Any] = {name: random.integers(0, 256, (3, 3, 64, 64), np.uint8) for name in coloured}
            given |= {"rgb_sils": silhouettes(random), "ir_sils": silhouettes(random), "heatmap": random.integers(0, 256, (3, 2, 64, 64), np.uint8)}
            more = {"pose2d": pose, "pose3d": pose, "lidar_points": points, "radar4d": clouds(random), "lidar_depth": list(given["lidar_depth"])}
            for name, value in {**given, **more}.items():
                dump(value, root / key / f"{name}.pkl")
            arrays = {"silhouettes": given["rgb_sils"], "pose_heatmaps": given["heatmap"], "keypoints": pose, "skeletons": pose,
                      "depth_pictures": given["lidar_depth"]}
            arrays["points"] = np.concatenate([np.column_stack([cloud, np.full(len(cloud), np.nan), np.full(len(cloud), number)])
                                               for number, cloud in enumerate(points)]).astype(np.float32)
            named = {"split": split, "condition": kind[:2], "take": 1, "view_deg": 45.0, "camera": "rgb", "lidar": "lidar"}
            expected[key] = (named, arrays)
    return expected


def in_space(random: np.random.Generator, frames: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """SMPL's 24 joints of somebody 8 m along x (z up), and the heatmaps of them as seen from there: right is -y."""
    from gaitbridge.geometry.skeleton_maps import skeleton_maps

    heights = {15: 1.6, 16: 1.4, 17: 1.4, 18: 1.1, 19: 1.1, 20: 0.9, 21: 0.9, 1: 0.9, 2: 0.9, 4: 0.5, 5: 0.5, 7: 0.1, 8: 0.1}
    joints = random.uniform(-0.2, 0.2, (frames, 24, 3))
    joints[:, list(heights), 2] = np.array(list(heights.values()))
    joints[:, (1, 2), 1] = 0.1, -0.1
    joints[:, (1, 2), 0] = 0
    joints[..., 0] += 8
    coco = joints[:, (15, 15, 15, 15, 15, 16, 17, 18, 19, 20, 21, 1, 2, 4, 5, 7, 8)]
    return joints, skeleton_maps(np.stack([-coco[..., 1], -coco[..., 2], np.ones(coco.shape[:2])], axis=2), (64, 64))


TREES: dict[str, Callable[[Path], Expected]] = {
    made.__name__: made for made in (casia_b, oumvlp, oumvlp_mesh, gait3d, grew, ccpg, sustech1k, freegait, casia_e, gait3d_parsing, ccgr,
                                       ccgr_mini, mmgait)
}


class _Payload:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (f"touch {self.path}",)


def hostile(path: Path, sign: Path) -> None:
    """Put a pickle at `path` that makes the file `sign` where it is run."""
    dump([_Payload(sign)], path)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
