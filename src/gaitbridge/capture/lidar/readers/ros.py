"""PointCloud2 messages of ROS 1 and ROS 2 bags, by rosbags, which needs no ROS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gaitbridge.capture.lidar.readers import Wish
from gaitbridge.capture.lidar.readers._fields import RING, scan_of_fields
from gaitbridge.capture.lidar.readers._optional import needed
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError, nearest

SUFFIXES, FRAME = (".bag", ".mcap", ".db3"), False
KIND = "sensor_msgs/msg/PointCloud2"
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}  # of sensor_msgs/PointField
MOST_BEAMS = 256  # an organised cloud of more rows is no spinning LiDAR's


def read(path: Path, wish: Wish) -> Iterator[Scan]:
    """The clouds of the bag's LiDAR, at the times of their headers. UserError where it has none, or several and none was chosen."""
    highlevel, typesys = needed("rosbags.highlevel", path), needed("rosbags.typesys", path)
    try:
        with highlevel.AnyReader([path], default_typestore=typesys.get_typestore(typesys.Stores.LATEST)) as bag:
            topic = _topic(path, [connection for connection in bag.connections if connection.msgtype == KIND], wish.topic)
            wanted = [connection for connection in bag.connections if connection.topic == topic and connection.msgtype == KIND]
            for connection, time_ns, raw in bag.messages(wanted):
                message = bag.deserialize(raw, connection.msgtype)
                stamp = message.header.stamp
                time_s = stamp.sec + stamp.nanosec * 1e-9
                yield scan_of_cloud(message, time_s if time_s > 0 else time_ns * 1e-9, f"{path.name}:{topic}")
    except UserError:
        raise
    except Exception as error:  # the library raises whatever its parts do; said in words, and this process reads nothing else
        raise UserError(f"{path} cannot be read as a ROS bag ({type(error).__name__}: {error}): get it from its source again") from error


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
    data = np.ascontiguousarray(message.data, np.uint8)
    height, width = int(message.height), int(message.width)
    if height * message.row_step > len(data) or width * message.point_step > message.row_step:
        raise ValueError(f"a cloud of {height} x {width} points does not fit into {len(data)} bytes")
    rows = data[: height * message.row_step].reshape(height, message.row_step)[:, : width * message.point_step]
    points = np.ascontiguousarray(rows).reshape(-1).view(kind)
    columns = {field: points[field] for field in kind.names or ()}
    if 1 < height <= MOST_BEAMS and not {field.lower() for field in columns} & set(RING):
        columns["ring"] = np.repeat(np.arange(height), width)  # a row a beam
    return scan_of_fields(columns, time_s, name)
