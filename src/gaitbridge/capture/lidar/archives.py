"""A .zip of scans, a file a scan, such as KITTI's: unpacked into a folder, then looked at as any recording.

Whoever made it is not trusted: this runs in the reading process. No file is named by the archive: they are numbered in the order of their names,
which stay in the end of the new ones as far as they are plain letters. What comes out is bounded by what went in, and counted as it comes.
"""

import errno
import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from gaitbridge.capture.isolated import report
from gaitbridge.capture.lidar.detect import MOST_SCANS, find
from gaitbridge.capture.lidar.readers import kinds
from gaitbridge.capture.lidar.recordings import TIMES
from gaitbridge.errors import UserError
from gaitbridge.folders import is_data
from gaitbridge.geometry.cloud_files import natural
from gaitbridge.printing import shown

WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others take memory as the archive says
MOST_TIMES = 2**25  # bytes of timestamps.txt
SWELLS, FREE = 20, 2**26  # a scan comes out so many times as large at most (text of equal points does), and so many bytes whatever came in
AT_ONCE = 2**20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)  # as zipfile has them


def find_archived(path: Path, folder: Path, most_bytes: int, settings: dict[str, Any]) -> dict[str, Any] | None:
    """`detect.find` of the scans of a zip. folder: empty, to be unpacked into; most_bytes: that they may have there. None where the disk is full.
    UserError where the archive is damaged, too large, or not one recording."""
    try:
        files = unpacked(path, folder, most_bytes)
    except DAMAGED as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}), or no plain zip: pack the scans again") from error
    except OSError as error:
        if error.errno in FULL:
            return None
        raise
    return find(files, path.name, settings)


def unpacked(path: Path, folder: Path, most_bytes: int) -> list[Path]:
    """The scans of a zip as files in a folder, in the order of their names, with timestamps.txt where the archive has one for them."""
    with zipfile.ZipFile(path) as archive:
        entries = [(PurePosixPath(one.filename.replace("\\", "/")), one) for one in archive.infolist() if _is_file(one)]
        scans = sorted(_scans(path, entries), key=lambda one: natural(one[0].name))
        most = min(most_bytes, SWELLS * path.stat().st_size + FREE)
        left = most - _copied(path, archive, _times(entries, scans[0][0].parent), folder / TIMES, min(most, MOST_TIMES))
        files = []
        for number, (name, one) in enumerate(scans):
            report(number, len(scans), "unpacking")
            files.append(folder / f"{number:06d}-{re.sub('[^A-Za-z0-9._-]', '_', name.name)[-80:]}")
            left -= _copied(path, archive, one, files[-1], left)
    return files


def _is_file(one: zipfile.ZipInfo) -> bool:
    """Whether an entry is a plain file, as far as the archive says; folders and links are none."""
    kind = stat.S_IFMT(one.external_attr >> 16)
    return not one.is_dir() and kind in (0, stat.S_IFREG)


def _scans(path: Path, entries: list[tuple[PurePosixPath, zipfile.ZipInfo]]) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """The entries that are scans: of one folder, else UserError."""
    endings = sorted(suffix for suffix, reader in kinds().items() if reader.FRAME)
    found = [(name, one) for name, one in entries
             if name.suffix.lower() in endings and all(part == ".." or is_data(Path(part)) for part in name.parts)]
    if not found:
        raise UserError(f"{path} holds no scan: pack the files of one recording, which end in {' or '.join(endings)}")
    if len(folders := sorted({str(name.parent) for name, _ in found})) > 1:
        raise UserError(f"{path} holds scans in {len(folders)} folders, such as {shown(folders[0])} and {shown(folders[1])}: "
                        "send each recording as an archive of its own")
    if len(found) > MOST_SCANS:
        raise UserError(f"{path} holds {len(found):,} scans, more than {MOST_SCANS:,}: cut the recording into parts")
    return found


def _times(entries: list[tuple[PurePosixPath, zipfile.ZipInfo]], folder: PurePosixPath) -> zipfile.ZipInfo | None:
    """The entry with the times of a folder's scans: in it, or in the one above."""
    named = {str(name): one for name, one in entries}
    return named.get(str(folder / TIMES)) or named.get(str(folder.parent / TIMES))


def _copied(path: Path, archive: zipfile.ZipFile, one: zipfile.ZipInfo | None, file: Path, most: int) -> int:
    """Write an entry to a file; its bytes."""
    if one is None:
        return 0
    if one.flag_bits & 1:
        raise UserError(f"{path} is encrypted: pack the scans without a password")
    if one.compress_type not in WAYS:
        raise UserError(f"{path} is packed in an uncommon way: pack the scans as plain zip (deflate)")
    count = 0
    with archive.open(one) as source, file.open("xb") as out:
        while data := source.read(AT_ONCE):
            count += len(data)
            if count > most:
                raise UserError(f"{path} swells to more than it may: it is hostile, or too large; send it in parts")
            out.write(data)
    return count
