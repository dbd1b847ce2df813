"""One take rendered: a walker before all stations at once, to one `Sequence` a station.

Each frame is posed twice, at the camera's time and at the LiDAR's, and both posings are shared by all stations: one ray-casting
scene a posing, one cast for all cameras or LiDARs.
Legend: T frames, N stations, V vertices, F triangles.
"""

from collections.abc import Sequence as Rows
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from gaitbridge.conventions import BODY_PARTS, PERSON
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.keypoints import keypoints_of, skeletons_seen
from gaitbridge.simulation.scene import Clock, Station
from gaitbridge.simulation.sensors import beams, silhouette_camera, spinning_lidar
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera, SiteErrors
from gaitbridge.simulation.sensors.spinning_lidar import LidarModel
from gaitbridge.simulation.walker import Dressed, Walker

TORSO = BODY_PARTS.index("torso")


@dataclass(frozen=True)
class Sensors:
    """What every station is equipped with, and what is kept besides the two modalities."""

    camera: SilhouetteCamera
    lidar: LidarModel
    segmentation_error: float = 1.0  # 0: clean silhouettes; 1: as real pipelines make them
    lidar_noise: bool = True
    silhouettes: str = "outline"
    site: int = 0
    lidar_returns: str = "plain"
    truth: bool = True
    extras: tuple[str, ...] = ()


def render_take(
    walker: Walker, stations: Rows[Station], clock: Clock, sensors: Sensors,
    camera_random: np.random.Generator, lidar_random: np.random.Generator, errors: SiteErrors | None = None
) -> list[dict[str, np.ndarray]]:  # fmt: skip
    """The arrays of each station's sequence, by the names of store.FIELDS. errors: those that stay, of the stations, for all but outlines."""
    exposures_s, exposure_of = clock.exposures(len(stations))
    dressed = walker.dressed(np.concatenate([exposures_s, clock.lidar_s]))
    pictures = _photograph(walker, dressed, stations, exposure_of, sensors)
    swept = _sweep(walker, dressed, stations, clock, sensors, lidar_random)
    shared = _shared(walker, dressed, clock, sensors)
    _cut_out(pictures, errors, walker.outfit.night, sensors, camera_random)
    keypoints = keypoints_of(walker.body, dressed.bare_m, dressed.joints_m) if "skeletons" in sensors.extras else None
    sequences = []
    for number, station in enumerate(stations):
        arrays = pictures[number] | swept[number] | shared | _at_exposures(walker, dressed, exposures_s, exposure_of[number], sensors)
        if "clean_silhouettes" not in sensors.extras:
            del arrays["clean_silhouettes"]
        if keypoints is not None:
            seen = skeletons_seen(keypoints[exposure_of[number]], station.T_world_from_camera, sensors.camera.camera)
            arrays |= {"skeletons": seen, "skeletons_time_s": arrays["silhouettes_time_s"]}
        arrays["T_world_from_camera"] = station.T_world_from_camera
        arrays["T_world_from_lidar"] = station.T_world_from_lidar
        sequences.append(arrays)
    return sequences


def _cut_out(
    pictures: list[dict[str, np.ndarray]], errors: SiteErrors | None, night: bool, sensors: Sensors, random: np.random.Generator
) -> None:
    """Adds the `silhouettes` that a pipeline cuts out, and takes the classes of pixels away."""
    level, rate_hz = sensors.segmentation_error, sensors.lidar.rate_hz
    if sensors.silhouettes == "outline":
        for arrays in pictures:
            clean = arrays["clean_silhouettes"]
            arrays["silhouettes"] = silhouette_camera.degrade(clean, random, level, night) if level > 0 or night else clean
        return
    if errors is None:
        raise ValueError(f"silhouettes by a {sensors.silhouettes} need the errors of its site")
    if sensors.silhouettes == "segmenter":
        classes = np.stack([arrays.pop("classes") for arrays in pictures])
        person = silhouette_camera.people(classes)
        for arrays, clean in zip(pictures, person, strict=True):
            arrays["clean_silhouettes"] = clean * np.uint8(PERSON)
            if "body_parts" in arrays:  # a mask goes on behind what is carried before the trunk
                arrays["body_parts"] = np.where(clean, np.where(arrays["body_parts"] > 0, arrays["body_parts"], TORSO), 0).astype(np.uint8)
        found = silhouette_camera.segmented(classes, errors, random, level, night, rate_hz, person)
    else:
        clean = np.stack([arrays["clean_silhouettes"] for arrays in pictures])
        found = silhouette_camera.subtracted(clean, errors, random, level, night, rate_hz)
    for arrays, silhouettes in zip(pictures, found, strict=True):
        arrays["silhouettes"] = silhouettes


def _photograph(
    walker: Walker, dressed: Dressed, stations: Rows[Station], exposure_of: np.ndarray, sensors: Sensors
) -> list[dict[str, np.ndarray]]:
    """Clean silhouettes, their boxes and, on request, body parts of all cameras; classes of pixels for a segmenter. exposure_of [N, T]: in which
    exposure each frame was taken."""
    poses = np.stack([station.T_world_from_camera for station in stations])
    parts = walker.part_of_triangle if "body_parts" in sensors.extras else None
    size, is_person, classes, own = sensors.camera.size, walker.is_person, None, np.arange(walker.worn_vertices)
    if sensors.silhouettes == "segmenter":
        classes, own = silhouette_camera.CLASS_OF_BELONGING[walker.belonging_of_triangle], walker.own_vertices
        is_person = classes == silhouette_camera.OF_PERSON
    masks = np.empty((*exposure_of.shape, *size), np.uint8)
    boxes = np.empty((*exposure_of.shape, 4), np.float32)
    seen = np.empty_like(masks) if parts is not None else None
    kinds = np.empty_like(masks) if classes is not None else None
    for exposure in range(exposure_of.max() + 1):
        who, frame = np.nonzero(exposure_of == exposure)
        vertices = dressed.vertices_m[exposure]
        scene = RayScene(vertices, walker.triangles)
        shot = silhouette_camera.render_many(scene, sensors.camera.camera, poses[who], vertices[own], size, is_person, parts, classes)
        masks[who, frame], boxes[who, frame] = shot.masks, shot.boxes
        if seen is not None and shot.parts is not None:
            seen[who, frame] = shot.parts
        if kinds is not None and shot.classes is not None:
            kinds[who, frame] = shot.classes
    out = [{"clean_silhouettes": masks[number], "silhouettes_box": boxes[number]} for number in range(len(stations))]
    if seen is not None:
        out = [arrays | {"body_parts": seen[number]} for number, arrays in enumerate(out)]
    if kinds is not None:
        out = [arrays | {"classes": kinds[number]} for number, arrays in enumerate(out)]
    return out


def _sweep(
    walker: Walker, dressed: Dressed, stations: Rows[Station], clock: Clock, sensors: Sensors, random: np.random.Generator
) -> list[dict[str, np.ndarray]]:
    """Range views, counts of returns and, on request, the points of all LiDARs."""
    frames, worn = len(clock.lidar_s), walker.worn_vertices
    poses = np.stack([station.T_world_from_lidar for station in stations])
    size = sensors.camera.size
    views = np.empty((len(stations), frames, *size), np.float32)
    counts = np.empty((len(stations), frames), np.int32)
    clouds: list[list[np.ndarray]] = [[] for _ in stations]
    velocity = walker.velocity_mps(clock.lidar_s)
    wide = sensors.lidar_noise and sensors.lidar_returns == "beams"
    if wide:
        upsets = beams.upsets(len(stations), frames, sensors.site, random)
        surface = beams.Surface(walker.reflectivity_of_triangle, walker.part_of_triangle, walker.is_person, walker.is_carried)
    for frame in range(frames):
        vertices = dressed.vertices_m[frame - frames]  # the last frames are the LiDARs'
        scene = RayScene(vertices, walker.triangles)
        if wide:
            scans = beams.scan_many(scene, sensors.lidar, poses, vertices[:worn], velocity[frame], random, surface, upsets, frame)
            views[:, frame] = spinning_lidar.range_views(scans, size, upsets.crop[:, frame])
        else:
            scans = spinning_lidar.scan_many(
                scene, sensors.lidar, poses, vertices[:worn], velocity[frame], random if sensors.lidar_noise else None, walker.is_person
            )
            views[:, frame] = spinning_lidar.range_views(scans, size)
        for number, scan in enumerate(scans):
            counts[number, frame] = np.count_nonzero(~np.isnan(scan.ranges_m))
            if "points" in sensors.extras:
                clouds[number].append(_cloud(scan, float(clock.lidar_s[frame]), frame))
    out = [{"range_views": views[number], "points_on_person": counts[number]} for number in range(len(stations))]
    if "points" in sensors.extras:
        out = [arrays | {"points": np.concatenate(clouds[number])} for number, arrays in enumerate(out)]
    return out


def _cloud(scan: spinning_lidar.Scan, time_s: float, frame: int) -> np.ndarray:
    """The returns of one sweep as float32 [P, 5]: x, y, z in the LiDAR's frame, time, frame number."""
    points = spinning_lidar.points(scan)
    points[:, 3] += time_s
    return np.column_stack([points, np.full(len(points), frame)]).astype(np.float32)


def _shared(walker: Walker, dressed: Dressed, clock: Clock, sensors: Sensors) -> dict[str, np.ndarray]:
    """What all stations have in common: the LiDARs' times, intrinsics and ground truth."""
    frames, camera = len(clock.lidar_s), sensors.camera.camera
    arrays: dict[str, np.ndarray] = {
        "range_views_time_s": clock.lidar_s,
        "intrinsics": np.array([camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height], float),
    }
    if sensors.truth:
        arrays["joints_lidar"] = dressed.joints_m[-frames:]
        arrays["shape"] = walker.shape.values
    return arrays


def _at_exposures(walker: Walker, dressed: Dressed, exposures_s: np.ndarray, taken: np.ndarray, sensors: Sensors) -> dict[str, np.ndarray]:
    """One camera's times and the ground truth at them; taken [T]: in which exposure each frame was taken."""
    arrays: dict[str, np.ndarray] = {"silhouettes_time_s": exposures_s[taken]}
    if sensors.truth:
        turns = dressed.pose.rotations_world[taken].astype(float)
        bones = Rotation.from_matrix(turns.reshape(-1, 3, 3), assume_valid=True).as_rotvec().reshape(*turns.shape[:2], 3)
        arrays["pose"] = np.concatenate([bones, dressed.pose.root_m[taken, None]], axis=1).astype(np.float32)
        arrays["joints"] = dressed.joints_m[taken]
        arrays["markers"] = dressed.bare_m[taken][:, walker.body.marker_vertices]
    return arrays
