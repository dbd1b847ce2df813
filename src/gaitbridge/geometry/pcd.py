"""Files of the Point Cloud Library, .pcd of version .7: text, binary, and compressed. What a header says twice is believed where the data agree."""

import re
from pathlib import Path

import numpy as np

TYPES = {"F": "f", "I": "i", "U": "u"}


def read_pcd(file: Path) -> np.ndarray:
    """The points [P, 3] float64 of a .pcd file; NaN rows, which mark no return, stay. ValueError if damaged."""
    fields = pcd_fields(file)
    return np.stack([fields[axis][:, 0] for axis in "xyz"], axis=-1).astype(np.float64)


def pcd_fields(file: Path) -> dict[str, np.ndarray]:
    """All fields [P, count] of a .pcd file by name, x, y, z among them; those of COUNT 0, mere padding, left out. ValueError if damaged."""
    raw = file.read_bytes()
    end = re.search(rb"^DATA[ \t]+(\w+)[ \t\r]*\n", raw, re.MULTILINE)
    if end is None:
        raise ValueError("no .pcd header that ends with a DATA line")
    lines = (line.split() for line in raw[: end.start()].decode("latin1").splitlines() if line.strip() and not line.startswith("#"))
    header = {words[0].upper(): words[1:] for words in lines}
    columns, body, kind = _columns(header), raw[end.end() :], end.group(1).decode().lower()
    if kind == "ascii":
        return _text(columns, body, header)
    if kind == "binary":
        return _binary(columns, body, header)
    if kind == "binary_compressed":
        return _compressed(columns, body, header)
    raise ValueError(f"DATA {kind} is none of ascii, binary, binary_compressed")


Column = tuple[str, np.dtype, int]  # name, type, how many a point


def _columns(header: dict[str, list[str]]) -> list[Column]:
    """The fields of a header, x, y, z among them."""
    missing = {"FIELDS", "SIZE", "TYPE"} - set(header)
    if missing or not {"x", "y", "z"} <= set(header["FIELDS"]):
        raise ValueError(f"its header lacks {', '.join(sorted(missing)) or 'the fields x, y, z'}")
    names, counts = header["FIELDS"], [int(count) for count in header.get("COUNT", ["1"] * len(header["FIELDS"]))]
    types = [np.dtype("<" + TYPES[kind] + size) for kind, size in zip(header["TYPE"], header["SIZE"], strict=True)]
    if not len(names) == len(types) == len(counts) or not 0 <= min(counts) <= max(counts) <= 2**16:
        raise ValueError("its header does not say the same number of fields throughout")
    columns = [column for column in zip(names, types, counts, strict=True) if column[2]]
    if not {"x", "y", "z"} <= {name for name, _, _ in columns}:
        raise ValueError("its header counts no x, y, z")
    return columns


def _points(header: dict[str, list[str]], held: int) -> int:
    """How many points there are: as many as the header says, in either of its places, where the data hold so many; else what they hold."""
    said = [int(header["POINTS"][0])] if header.get("POINTS") else []
    if header.get("WIDTH") and header.get("HEIGHT"):
        said.append(int(header["WIDTH"][0]) * int(header["HEIGHT"][0]))
    if held in said or not any(said):  # a writer that was not closed leaves zeros
        return held
    fits = [count for count in said if 0 <= count <= held]  # something follows the points
    if not fits:
        raise ValueError(f"its header announces {min(said):,} points, it holds {held:,}: it is cut off")
    return max(fits)


def _text(columns: list[Column], body: bytes, header: dict[str, list[str]]) -> dict[str, np.ndarray]:
    words, wide = body.split(), sum(count for _, _, count in columns)
    points = _points(header, len(words) // wide)
    values = np.array(words[: points * wide], np.float64).reshape(points, wide)
    starts = np.cumsum([0, *(count for _, _, count in columns)])
    return {name: values[:, starts[n] : starts[n + 1]] for n, (name, _, _) in enumerate(columns)}


def _binary(columns: list[Column], body: bytes, header: dict[str, list[str]]) -> dict[str, np.ndarray]:
    kind = np.dtype([(f"{n}", type_, (count,)) for n, (_, type_, count) in enumerate(columns)])
    table = np.frombuffer(body, kind, _points(header, len(body) // kind.itemsize))
    return {name: table[f"{n}"] for n, (name, _, _) in enumerate(columns)}


def _compressed(columns: list[Column], body: bytes, header: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Column after column, packed as one; as they are where packing did not pay."""
    packed, unpacked = np.frombuffer(body, "<u4", 2).tolist()
    part = body[8 : 8 + packed]
    try:
        held = unlzf(part, unpacked)
    except (ValueError, IndexError):
        if not packed == unpacked == len(part):
            raise
        held = part
    wide = sum(type_.itemsize * count for _, type_, count in columns)
    points = _points(header, len(held) // wide)
    offsets = np.cumsum([0, *(type_.itemsize * count * points for _, type_, count in columns)]).tolist()
    return {name: np.frombuffer(held, type_, points * count, offsets[n]).reshape(points, count) for n, (name, type_, count) in enumerate(columns)}


def unlzf(packed: bytes, length: int) -> bytes:
    """`length` bytes unpacked by LZF, the compression of .pcd files: runs of literals, and copies of what came before. ValueError if damaged."""
    out, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        at += 1
        if control < 32:
            out += packed[at : at + control + 1]
            at += control + 1
            continue
        count, back = control >> 5, (control & 31) << 8
        if count == 7:
            count += packed[at]
            at += 1
        back += packed[at] + 1
        at += 1
        if back > len(out) or len(out) > length:
            raise ValueError("its compressed part is damaged")
        piece = out[len(out) - back : len(out) - back + count + 2]
        out += (piece * ((count + 1) // len(piece) + 1))[: count + 2]  # a copy may overlap itself: then it repeats
    if len(out) != length:
        raise ValueError("its compressed part is damaged")
    return bytes(out)
