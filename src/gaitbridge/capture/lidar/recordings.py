"""Which of the files given make up one recording, and the times of its scans where they lie beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gaitbridge.capture.lidar.readers import Wish, kinds, read, reader_of
from gaitbridge.capture.lidar.scans import Scan
from gaitbridge.errors import UserError
from gaitbridge.folders import data_in, is_data
from gaitbridge.geometry.cloud_files import natural
from gaitbridge.geometry.headerless import columns_of
from gaitbridge.names import canonical

TIMES = "timestamps.txt"  # as KITTI has them: a line a scan


@dataclass(frozen=True)
class Recording:
    """One recording: its name, without folders, and the files of its scans in order."""

    name: str
    files: tuple[Path, ...]


def recordings(paths: Sequence[Path]) -> list[Recording]:
    """The recordings that the paths mean, in their order.

    A file of many scans is a recording, and so is a folder: a ROS 2 bag, or one of scan files in the natural order of their names. Files of
    one scan each that are given singly, such as scans/*.pcd, make up a recording together with those of the same folder. UserError for paths
    that are missing, of no known kind, or given twice.
    """
    found: dict[str, Recording] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} is missing: give LiDAR recordings ({' '.join(sorted(kinds()))}) or folders of scans, then the store")
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            files = tuple(sorted((file for file in data_in(path) if file.suffix.lower() in kinds() and file.is_file()),
                                 key=lambda file: natural(file.name)))
            if not files:
                raise UserError(f"{path} holds no LiDAR recording: its files should end in {', '.join(sorted(kinds()))}")
            one = Recording(canonical(path.resolve().name), files)
        elif path.is_file() and reader_of(path).FRAME:
            if not is_data(path) and len(paths) > 1:
                continue  # scans/*.pcd of a tool that hides nothing
            folder = path.resolve().parent
            before = found.get(str(folder))
            files = tuple(sorted({*(before.files if before else ()), path}, key=lambda file: natural(file.name)))
            found[str(folder)] = Recording(canonical((path if len(files) == 1 else folder).name), files)
            continue
        else:
            reader_of(path)
            one = Recording(canonical(path.name), (path,))
        if str(path.resolve()) in found:
            raise UserError(f"{path} is given twice: give each recording once")
        found[str(path.resolve())] = one
    return list(found.values())


def scans_of(files: Sequence[Path], wish: Wish) -> Iterator[Scan]:
    """The scans of a recording's files, with the times that a timestamps.txt beside them says."""
    times = _times(files) if len(files) > 1 else None
    if headerless := [file for file in files if file.suffix.lower() == ".bin"]:
        wish = replace(wish, columns=columns_of(headerless, wish.columns))
    for number, file in enumerate(files):
        for scan in read(file, wish):
            yield scan if times is None or scan.time_s is not None else replace(scan, time_s=times[number])


def _times(files: Sequence[Path]) -> list[float] | None:
    """Seconds of each file, from a timestamps.txt in their folder or the one above; None where there is none."""
    places = [files[0].parent / TIMES, files[0].parent.parent / TIMES]
    place = next((place for place in places if place.is_file()), None)
    if place is None:
        return None
    lines = [line.strip() for line in place.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if len(lines) != len(files):
        raise UserError(f"{place} has {len(lines)} times for {len(files)} scans: give all scans of the recording, or move it away and say --hz")
    try:
        return [_seconds(line) for line in lines]
    except ValueError as error:
        raise UserError(f"{place} is no list of times ({error}): write a date and time, or seconds, a line a scan") from error


def _seconds(line: str) -> float:
    try:
        return float(line)
    except ValueError:
        whole, _, fraction = line.partition(".")  # KITTI writes nanoseconds, more digits than datetime reads
        return datetime.fromisoformat(whole).timestamp() + (float(f"0.{fraction}") if fraction else 0.0)
