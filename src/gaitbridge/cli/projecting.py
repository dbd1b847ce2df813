"""Commands about point clouds: project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gaitbridge.cli._app import app, say
from gaitbridge.cli._sizes import height_width
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    import numpy as np


@app.command
def project(
    src: Path, out: Path, *, sensor: str = "sustech1k", size: str = "64x64", crop: Literal["person", "none"] = "person", columns: int | None = None,
    pictures: bool = False, preview: bool = False,
) -> None:  # fmt: skip
    """Turn point clouds of a person into range views: true metres, aligned as the field aligns silhouettes, one view a frame.

    Parameters
    ----------
    src
        A .npz, .npy, .pkl, .pcd or .bin file, or a folder of such files (a frame a file): x, y, z in metres, a row a point.
    out
        A .npz to write (range_views [T, H, W] in metres, NaN where nothing came back; names and points [T]), or a .png: a contact sheet.
    sensor
        The LiDAR's name (a wrong one lists the nearest, or all), an Ouster's metadata (.json), a Hesai's angles (.csv), or a .json of yours.
    size
        Height x width of a view.
    crop
        person: cropped and centred. none: whole turns on the LiDAR's own grid, named full_views.
    columns
        How many floats a point has in .bin files (KITTI 4, nuScenes 5); by default found from the data.
    pictures
        Add depth_pictures [T, 3, H, W]: coloured look-alikes of the ones that SUSTech1K publishes, for weights trained on those.
    preview
        Write a contact sheet beside the .npz.
    """
    import numpy as np

    from gaitbridge.files import written_whole
    from gaitbridge.geometry.sensors import open_sensor

    shape = height_width(size)
    if out.suffix.lower() not in (".npz", ".png"):
        raise UserError(f"{out}: end the output's name in .npz (arrays) or .png (a contact sheet)")
    if pictures and crop == "none":
        raise UserError("--pictures shows a person: leave --crop none out, or leave --pictures out")
    if columns is not None and not 3 <= columns <= 64:
        raise UserError(f"--columns {columns}: give 3 to 64, x, y, z first")
    lidar = open_sensor(sensor)
    arrays, left_out = _projected(src, lidar, shape, crop == "person", pictures, columns)
    views = arrays["range_views" if crop == "person" else "full_views"]
    empty = int((~np.isfinite(views)).all((1, 2)).sum())
    if empty == len(views):
        raise UserError(f"{src}: no point of {len(views)} frames lies in the field of {lidar.name}: check --sensor, its axes, and the unit (metres)")
    if out.suffix.lower() == ".npz":
        with written_whole(out) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    if preview or out.suffix.lower() == ".png":
        _write_sheet(views, arrays.get("depth_pictures"), out.with_suffix(".png"))
    notes = f"; {empty} frames without a return" if empty else ""
    notes += f"; {left_out} points left out (no coordinates, or outside the field)" if left_out else ""
    say(f"{out}: {len(views)} views of {views.shape[1]} x {views.shape[2]} by {lidar.name}{notes}")


def _projected(
    src: Path, lidar: object, size: tuple[int, int], person: bool, pictures: bool, columns: int | None
) -> tuple[dict[str, np.ndarray], int]:
    """The arrays to write, and how many points were no returns."""
    import numpy as np

    from gaitbridge.geometry import projection
    from gaitbridge.geometry.cloud_files import cloud_files, read_clouds
    from gaitbridge.geometry.depth_picture import depth_pictures
    from gaitbridge.geometry.headerless import columns_of
    from gaitbridge.progress import progress

    assert isinstance(lidar, projection.Projection)
    files = cloud_files(src)
    if headerless := [file for file in files if file.suffix.lower() == ".bin"]:
        columns = columns_of(headerless, columns)
    found: dict[str, list[np.ndarray]] = {"range_views" if person else "full_views": []}
    names: list[str] = []
    points: list[int] = []
    given = 0
    with progress("project", "files") as show:
        for done, file in enumerate(files, 1):
            clouds = list(read_clouds(file, columns))
            frames = [cloud.points for cloud in clouds]
            if frames and person:
                found["range_views"].append(projection.range_views(frames, lidar, size))
            elif frames:
                found["full_views"].append(np.stack([projection.full_view(frame, lidar) for frame in frames]))
            if frames and pictures:
                found.setdefault("depth_pictures", []).append(depth_pictures(frames, lidar, size))
            names += [cloud.name for cloud in clouds]
            counts = np.bincount(lidar.returns(frames)[3], minlength=len(frames))
            points += counts.tolist()
            given += sum(map(len, frames))
            show(done, len(files), "")
    if not given:
        raise UserError(f"{src}: there are no points in it: give point clouds with x, y, z in metres")
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    return arrays | {"names": np.array(names), "points": np.array(points, np.int32)}, given - sum(points)


def _write_sheet(views: np.ndarray, pictures: np.ndarray | None, out: Path, most: int = 60) -> None:
    """A contact sheet of up to `most` views spread over all of them, ten a row (whole turns one a row), the pictures below their views."""
    import numpy as np
    from matplotlib import image

    from gaitbridge.files import written_whole
    from gaitbridge.report.pictures import draw_range

    shown = np.unique(np.linspace(0, len(views) - 1, min(len(views), most)).round().astype(int))
    a_row = 10 if views.shape[2] <= 256 else 1
    tiles = [draw_range(views[number])[..., :3] for number in shown]
    if pictures is not None:
        tiles = [np.concatenate([tile, np.moveaxis(pictures[number], 0, -1)]) for tile, number in zip(tiles, shown, strict=True)]
    tiles = [np.pad(tile, ((1, 1), (1, 1), (0, 0)), constant_values=255) for tile in tiles]
    rows = [tiles[start : start + a_row] for start in range(0, len(tiles), a_row)]
    width = len(rows[0])
    rows[-1] += [np.full_like(tiles[0], 255)] * (width - len(rows[-1]))
    sheet = np.concatenate([np.concatenate(row, 1) for row in rows])
    with written_whole(out) as temporary:
        image.imsave(temporary, np.ascontiguousarray(sheet), format="png")
