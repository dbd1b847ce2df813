"""LiDARs by name, by an Ouster's metadata, by a Hesai's angles."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaitbridge.capture.lidar.geometry import sensor_of
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.geometry import sensors
from gaitbridge.geometry.range_view import to_points

BEAMS = [18.0, 12.5, 6.0, -0.5, -7.0]


def points_of(name: str, step_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """Three parts in four of a turn of a LiDAR between 3 and 20 m: points [P, 3] and their beams [P]."""
    random, table = np.random.default_rng(2), np.deg2rad(sensors.open_sensor(name).elevations_deg)
    azimuth = np.arange(-np.pi + 0.001, np.pi, np.deg2rad(step_deg))
    ring = np.repeat(np.arange(len(table)), len(azimuth))
    points = to_points(np.tile(azimuth, len(table)), table[ring], random.uniform(3, 20, len(ring)))
    kept = random.random(len(ring)) < 0.75
    return points[kept], ring[kept]


@pytest.mark.parametrize("name", sorted(sensors.AZIMUTH_STEPS_DEG))
def test_makers_tables_are_recognised_with_and_without_names_of_beams(name: str) -> None:
    step = sensors.AZIMUTH_STEPS_DEG[name]
    points, ring = points_of(name, step)
    by_ring, by_name = sensor_of(Scan(points, ring=ring), None, "x"), sensor_of(Scan(points), name, "x")
    assert by_ring == by_name
    assert (by_ring.name, by_ring.azimuth_step_deg) == (name, step)


def test_makers_tables_say_where_they_are_from() -> None:
    for name, table in sensors.beam_tables().items():
        sensor = sensors.open_sensor(name)
        assert len(table["source"]) > 20
        assert len(sensor.elevations_deg) == len(set(table["elevations_deg"])) == len(table["elevations_deg"])
        digits = [part for part in name.replace("m2x", "").replace("pandar", "").replace("-", " ").split() if part.isdigit()]
        for word in digits:
            assert len(sensor.elevations_deg) == int(word), name
    with pytest.raises(UserError, match="did you mean 'hesai-pandarxt-32'"):
        sensors.open_sensor("hesai-pandarxt32")
    with pytest.raises(UserError, match="did you mean 'ouster-os0-128'"):
        sensors.open_sensor("ouster-os-0-128")


OUSTERS: dict[str, dict[str, Any]] = {
    "firmware 3": {"beam_intrinsics": {"beam_altitude_angles": BEAMS, "beam_azimuth_angles": [0.0] * 5, "lidar_origin_to_beam_origin_mm": 15.8},
                   "config_params": {"lidar_mode": "512x20"}, "lidar_data_format": {"columns_per_frame": 512}, "sensor_info": {"prod_line": "OS-1"}},
    "firmware 2": {"beam_altitude_angles": BEAMS, "data_format": {"columns_per_frame": 512}, "lidar_mode": "512x20", "prod_sn": "1"},
    "firmware 1": {"beam_altitude_angles": BEAMS, "lidar_mode": "512x10", "hostname": "os1"},
    "beams left out": {"beam_altitude_angles": [0, *BEAMS, 0, 0], "lidar_mode": "512x10"},
}  # fmt: skip


@pytest.mark.parametrize("kind", OUSTERS)
def test_an_ousters_metadata(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "os.json"
    file.write_text(json.dumps(OUSTERS[kind]))
    sensor = sensors.open_sensor(file)
    assert sensor.elevations_deg == tuple(BEAMS)
    assert sensor.columns == 512
    assert not sensors.has_open_step(file)  # it says its own


@pytest.mark.parametrize("text", ["Channel,Elevation,Azimuth\n1,18,-1.0\n2,12.5,3\n3,6,1\n4,-0.5,0\n5,-7,1",
                                  "\ufeffLaser id,Elevation,Azimuth\r\n5,-7,1\r\n1,18,-1.0\r\n2,12.5,3\r\n3,6,1\r\n4,-0.5,0\r\n\r\n"])  # fmt: skip
def test_a_hesais_angles(text: str, tmp_path: Path) -> None:
    file = tmp_path / "Angle Correction File.csv"
    file.write_bytes(text.encode())
    assert sensors.open_sensor(str(file)).elevations_deg == tuple(BEAMS)
    assert sensors.has_open_step(file)


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.csv", "x,y\n1,2\n", "no column Elevation"),
    ("a.csv", "", "no column Elevation"),
    ("a.csv", "Channel,Elevation\n1,up\n", "no table of a Hesai's angles"),
    ("a.csv", "Channel,Elevation\n1,5\n2,5\n", "1 different beams of 2"),
    ("a.json", '{"beam_altitude_angles": [[1, 2]], "lidar_mode": "512x10"}', "only LiDARs that spin"),
    ("a.json", '{"beam_altitude_angles": [0, 0], "lidar_mode": "512x10"}', "different beams"),
    ("a.json", '{"beam_altitude_angles": [2, 1]}', "how many columns"),
    ("a.json", '{"beam_altitude_angles": [2, 1], "lidar_mode": 7}', "how many columns"),
    ("a.json", '{"beam_altitude_angles": [200, 1], "lidar_mode": "512x10"}', "between -90 and 90"),
])  # fmt: skip
def test_what_is_no_such_file_is_said(name: str, text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(UserError, match=message) as said:
        sensors.open_sensor(file)
    assert str(file) in str(said.value)
    file.write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match="read as text"):
        sensors.open_sensor(file)
