"""Recordings of the same points in every format, small, written by tests."""

import pickle
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Points = np.ndarray  # [P, 3] metres


def pcd(path: Path, points: Points, kind: str = "binary", extra: dict[str, np.ndarray] | None = None) -> Path:
    """One scan as PCD: ascii, binary or binary_compressed."""
    columns = {axis: points[:, k].astype("<f4") for k, axis in enumerate("xyz")} | {name: np.asarray(value) for name, value in (extra or {}).items()}
    types = {"f": "F", "i": "I", "u": "U"}
    head = ["# .PCD v0.7", "VERSION 0.7", f"FIELDS {' '.join(columns)}", f"SIZE {' '.join(str(c.dtype.itemsize) for c in columns.values())}",
            f"TYPE {' '.join(types[c.dtype.kind] for c in columns.values())}", f"COUNT {' '.join('1' for _ in columns)}",
            f"WIDTH {len(points)}", "HEIGHT 1", "VIEWPOINT 0 0 0 1 0 0 0", f"POINTS {len(points)}", f"DATA {kind}\n"]  # fmt: skip
    if kind == "ascii":
        body = "".join(" ".join(repr(float(c[row])) if c.dtype.kind == "f" else str(c[row]) for c in columns.values()) + "\n"
                       for row in range(len(points))).encode()  # fmt: skip
    elif kind == "binary":
        table = np.empty(len(points), [(name, c.dtype) for name, c in columns.items()])
        for name, column in columns.items():
            table[name] = column
        body = table.tobytes()
    else:
        raw = b"".join(c.tobytes() for c in columns.values())
        packed = b"".join(bytes([len(raw[k : k + 32]) - 1]) + raw[k : k + 32] for k in range(0, len(raw), 32))  # literals alone
        body = struct.pack("<II", len(packed), len(raw)) + packed
    path.write_bytes("\n".join(head).encode() + body)
    return path


def kitti(path: Path, points: Points, ring: np.ndarray | None = None) -> Path:
    """One scan as bare floats: four columns, or five with the beam."""
    random = np.random.default_rng(len(points))
    more = [np.full(len(points), 0.3)] if ring is None else [random.integers(0, 100, len(points)), ring]
    path.write_bytes(np.column_stack([points, *more]).astype("<f4").tobytes())
    return path


def npy(path: Path, points: Points) -> Path:
    np.save(path, points)
    return path


def folder(place: Path, ending: str, write: Callable[[Path, Points], Path], scans: Sequence[Points]) -> Path:
    """A folder with a file a scan."""
    for number, scan in enumerate(scans):
        write(place / f"{number}{ending}", scan)
    return place


def npz(path: Path, scans: Sequence[Points], **more: np.ndarray) -> Path:
    """Scans of varying size as scan_0, scan_1 ..., with arrays beside them."""
    np.savez(path, **{f"scan_{k}": scan.astype(np.float32) for k, scan in enumerate(scans)}, **more)  # type: ignore[arg-type]
    return path


def pkl(path: Path, scans: Sequence[Points]) -> Path:
    path.write_bytes(pickle.dumps([scan.astype(np.float32) for scan in scans]))
    return path


def las(path: Path, scans: Sequence[Points], hz: float = 10.0, rings: Sequence[np.ndarray] | None = None) -> Path:
    """LAS or LAZ by its ending, times of points in its GPS time; their beams, if given, in a further dimension."""
    import laspy

    header = laspy.LasHeader(point_format=1, version="1.2")
    header.scales = np.full(3, 0.001)
    if rings is not None:
        header.add_extra_dim(laspy.ExtraBytesParams("ring", np.uint16))
    cloud = laspy.LasData(header)
    points = np.concatenate(scans)
    cloud.x, cloud.y, cloud.z = points.T
    cloud.gps_time = np.concatenate([(k + np.linspace(0, 0.99, len(scan))) / hz for k, scan in enumerate(scans)]) + 100.0
    cloud.intensity = np.full(len(points), 7, np.uint16)
    if rings is not None:
        cloud.ring = np.concatenate(rings)
    cloud.write(str(path))
    return path


def _cloud_message(store: object, points: Points, ring: np.ndarray, time_s: float, fields: str = "xyz", ros2: bool = True) -> object:
    types = store.types  # type: ignore[attr-defined]
    field, cloud, header, stamp = (types[name] for name in ("sensor_msgs/msg/PointField", "sensor_msgs/msg/PointCloud2", "std_msgs/msg/Header",
                                                            "builtin_interfaces/msg/Time"))  # fmt: skip
    kind = np.dtype({"names": [*fields, "intensity", "ring"], "formats": ["<f4"] * (len(fields) + 1) + ["<u2"],
                     "offsets": [*range(0, 4 * len(fields), 4), 16, 20], "itemsize": 24})  # fmt: skip
    table = np.zeros(len(points), kind)
    for k, axis in enumerate(fields):
        table[axis] = points[:, k]
    table["ring"] = ring
    described = [field(name, kind.fields[name][1], 4 if name == "ring" else 7, 1) for name in kind.names or ()]  # type: ignore[index]
    seconds = int(time_s)
    when = stamp(sec=seconds, nanosec=round((time_s - seconds) * 1e9))
    head = header(stamp=when, frame_id="lidar") if ros2 else header(seq=0, stamp=when, frame_id="lidar")
    data = np.frombuffer(table.tobytes(), np.uint8)
    return cloud(header=head, height=1, width=len(points), fields=described, is_bigendian=False, point_step=24, row_step=24 * len(points), data=data,
                 is_dense=True)  # fmt: skip


def ros(path: Path, scans: Sequence[Points], rings: Sequence[np.ndarray], hz: float = 10.0, topics: Sequence[str] = ("/lidar",),
        fields: str = "xyz", mcap: bool = False) -> Path:  # fmt: skip
    """A ROS 1 bag (.bag), or the folder of a ROS 2 bag."""
    from rosbags.rosbag1 import Writer as Writer1
    from rosbags.rosbag2 import StoragePlugin
    from rosbags.rosbag2 import Writer as Writer2
    from rosbags.typesys import Stores, get_typestore

    ros2 = path.suffix != ".bag"
    store = get_typestore(Stores.ROS2_HUMBLE if ros2 else Stores.ROS1_NOETIC)
    name = "sensor_msgs/msg/PointCloud2"
    storage = StoragePlugin.MCAP if mcap else StoragePlugin.SQLITE3
    with Writer2(path, version=8, storage_plugin=storage) if ros2 else Writer1(path) as bag:
        for topic in topics:
            connection = bag.add_connection(topic, name, typestore=store)
            for k, (scan, ring) in enumerate(zip(scans, rings, strict=True)):
                message = _cloud_message(store, scan, ring, 1.7e9 + k / hz, fields, ros2)
                raw = store.serialize_cdr(message, name) if ros2 else store.serialize_ros1(message, name)
                bag.write(connection, int(1.7e18 + k / hz * 1e9), raw)
    return path


def pcap(path: Path, ranges_m: Callable[[np.ndarray, np.ndarray], np.ndarray], turns: int = 2, hz: float = 10.0) -> Path:
    """Packets of a VLP-16 that sees ranges_m(azimuth, elevation), radians [24] and [16] -> [24, 16] a packet, anticlockwise from the front."""
    import dpkt

    elevations = np.array([-15, 1, -13, 3, -11, 5, -9, 7, -7, 9, -5, 11, -3, 13, -1, 15.0])
    step_s, head = 55.296e-6, np.deg2rad(360 * hz * 55.296e-6)
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for packet in range(round(turns / hz / (24 * step_s))):
            firing = packet * 24 + np.arange(24)
            clockwise = firing * head % (2 * np.pi)
            cells = np.rint(ranges_m(-clockwise, np.deg2rad(elevations)) / 0.002).astype(int).clip(0, 65535)
            body = b""
            for block in range(12):
                azimuth = round(np.rad2deg(clockwise[2 * block]) * 100) % 36000
                body += struct.pack("<HH", 0xEEFF, azimuth)
                body += b"".join(struct.pack("<HB", cells[2 * block + half, laser], 50) for half in range(2) for laser in range(16))
            when = packet * 24 * step_s
            body += struct.pack("<IBB", round(when * 1e6), 0x37, 0x22)
            udp = dpkt.udp.UDP(sport=2368, dport=2368, data=body, ulen=8 + len(body))
            ip = dpkt.ip.IP(src=b"\xc0\xa8\x01\xc9", dst=b"\xff\xff\xff\xff", p=17, data=udp, len=28 + len(body))
            writer.writepkt(bytes(dpkt.ethernet.Ethernet(data=ip)), ts=1.7e9 + when)
    return path


def bomb(path: Path) -> Path:
    """A .npz of a few kilobytes that says it holds 40 GB."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3333333333, 3), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("points.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(1000))
    return path


_RANDOM = np.random.default_rng(9)
SCANS = [_RANDOM.uniform(-20, 20, (size, 3)).round(3) for size in (30, 40)]
RINGS = [_RANDOM.integers(0, 16, len(scan)) for scan in SCANS]


def wall(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Five metres everywhere."""
    return np.full((len(azimuth), len(elevation)), 5.0)


def mcap_or_db3(path: Path) -> Path:
    """The one file of a ROS 2 bag."""
    folder = ros(path.with_name(path.name.replace(".", "-")), SCANS, RINGS, mcap=path.suffix == ".mcap")
    (data,) = folder.glob(f"*{path.suffix}")
    path.write_bytes(data.read_bytes())
    return path


# A good file of every kind by its name
WRITERS: dict[str, Callable[[Path], Path]] = {
    "ascii.pcd": lambda path: pcd(path, SCANS[0], "ascii"),
    "binary.pcd": lambda path: pcd(path, SCANS[0], "binary", {"ring": np.arange(30, dtype="<u2")}),
    "packed.pcd": lambda path: pcd(path, SCANS[0], "binary_compressed"),
    "a.npy": lambda path: npy(path, SCANS[0]),
    "a.npz": lambda path: npz(path, SCANS, elevations_deg=np.arange(4.0), azimuth_step_deg=np.array(0.2), time_s=np.arange(2) / 10),
    "a.pkl": lambda path: pkl(path, SCANS),
    "a.bin": lambda path: kitti(path, SCANS[0]),
    "a.las": lambda path: las(path, SCANS),
    "a.laz": lambda path: las(path, SCANS),
    "a.bag": lambda path: ros(path, SCANS, RINGS),
    "a.db3": mcap_or_db3,
    "a.mcap": mcap_or_db3,
    "a.pcap": lambda path: pcap(path, wall, turns=1),
}
