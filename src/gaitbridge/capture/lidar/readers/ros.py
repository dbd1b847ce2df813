"""PointCloud2 messages of ROS 1 and ROS 2 bags, by rosbags, which needs no ROS."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import RING, scan_of_fields
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError, nearest

SUFFIXES, FRAME, WHAT = (".bag", ".mcap", ".db3", ".active"), False, "a ROS bag"
REMEDY = "get it from its source again, or mend it with rosbag reindex (.bag), mcap recover (.mcap) or ros2 bag reindex (a folder)"
MCAP = b"\x89MCAP0\r\n"  # at both ends
KIND = "sensor_msgs/msg/PointCloud2"
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}  # of sensor_msgs/PointField
MOST_BEAMS = 256  # an organised cloud of more rows is no spinning LiDAR's


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The clouds of the bag's LiDAR, at the times of their headers. UserError where it has none, or several and none was chosen."""
    highlevel, typesys = needed("rosbags.highlevel", path), needed("rosbags.typesys", path)
    _check_finished(path)
    bag = highlevel.AnyReader([path], default_typestore=typesys.get_typestore(typesys.Stores.LATEST))
    try:
        bag.open()
    except highlevel.AnyReaderError as error:
        if "index" in str(error).lower():
            raise _unfinished(path) from error
        raise
    try:
        topic = _topic(path, [connection for connection in bag.connections if connection.msgtype == KIND], wish.topic)
        wanted = [connection for connection in bag.connections if connection.topic == topic and connection.msgtype == KIND]
        for connection, time_ns, raw in bag.messages(wanted):
            message = bag.deserialize(raw, connection.msgtype)
            stamp = message.header.stamp
            time_s = stamp.sec + stamp.nanosec * 1e-9
            yield scan_of_cloud(message, time_s if time_s > 0 else time_ns * 1e-9, f"{path.name}:{topic}")
    finally:
        bag.close()


def _check_finished(path: Path) -> None:
    """UserError, which names the tool that mends it, for a bag that was never closed, or cut off: its index at the end is missing."""
    if path.is_dir():
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(size - len(MCAP), 0))
        tail = file.read(len(MCAP))
    place = re.match(rb"#ROSBAG V2\.0\n.{4}.*?index_pos=(.{8})", head, re.DOTALL)
    nowhere = place is not None and not 0 < int.from_bytes(place[1], "little") < size
    if nowhere or path.suffix.lower() == ".active" or (head.startswith(MCAP) and tail != MCAP):
        raise _unfinished(path)


def _unfinished(path: Path) -> UserError:
    closed = path.name.removesuffix(".active")
    way = {".bag": f"mend it with `rosbag reindex {path.name}`, and give it again",
           ".active": f"mend it with `rosbag reindex {path.name}`, rename it to {closed}, and give that",
           ".mcap": f"mend it with `mcap recover {path.name} -o mended.mcap`, and give that"}  # fmt: skip
    return UserError(f"{path} has no whole index at its end, the recording was interrupted or the file is cut off: "
                     + way.get(path.suffix.lower(), "mend it with `ros2 bag reindex`, and give it again"))


def _topic(path: Path, connections: list[Any], wanted: str | None) -> str:
    """The topic of the LiDAR."""
    topics = sorted({connection.topic for connection in connections})
    if not topics:
        raise UserError(f"{path}: no PointCloud2 in it: record the LiDAR's clouds, or say another bag")
    if wanted is None and len(topics) > 1:
        raise UserError(f"{path}: it holds the clouds {', '.join(topics)}: choose one by --topic")
    if wanted is not None and wanted not in topics:
        raise UserError(f"{path}: no clouds by the topic {wanted!r}: {nearest(wanted, topics)}")
    return wanted or topics[0]


def scan_of_cloud(message: Any, time_s: float, name: str) -> Scan:
    """The scan of one PointCloud2 message. ValueError where its parts do not fit each other."""
    order = ">" if message.is_bigendian else "<"
    fields = [field for field in message.fields if field.datatype in TYPES]
    kind = np.dtype({"names": [field.name for field in fields], "formats": [order + TYPES[field.datatype] for field in fields],
                     "offsets": [field.offset for field in fields], "itemsize": message.point_step})
    height, width = int(message.height), int(message.width)
    points = _rows(np.ascontiguousarray(message.data, np.uint8), height, width * int(message.point_step), int(message.row_step)).view(kind)
    columns = {field: points[field] for field in kind.names or ()}
    if 1 < height <= MOST_BEAMS and not {field.lower() for field in columns} & set(RING):
        columns["ring"] = np.repeat(np.arange(height), width)  # a row a beam
    return scan_of_fields(columns, time_s, name)


def _rows(data: np.ndarray, height: int, row: int, step: int) -> np.ndarray:
    """The bytes [height * row] of the points of a cloud, without what pads its rows.

    step: the header's bytes a row. It follows from the rest, and drivers write anything there: it counts where it fits the data.
    """
    if height * row > len(data):
        raise ValueError(f"{height} rows of {row:,} bytes do not fit into {len(data):,}")
    if not row <= step or height * step > len(data):
        step = len(data) // height if height and not len(data) % height else row
    return np.ascontiguousarray(data[: height * step].reshape(height, step)[:, :row]).reshape(-1)
