"""Pickles and object arrays of others, read without running anything that they ask for: only arrays and plain containers come out.

A pickle names callables and has them called. Here every known name becomes a stand-in that keeps what it is given and does nothing else;
arrays are made of what was kept once the whole pickle is read. An unknown name refuses the file. NumPy's own unpickling is not used either:
the state of a hostile dtype reaches into memory.
"""

import math
import pickle
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, issparse

from gaitbridge.errors import UserError

# (module, name) -> what the stand-in stands for. Modules carry the names of old and new versions of their packages.
KNOWN = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): "buffer" for core in ("core", "_core")},
    **{("numpy", name): name for name in ("ndarray", "dtype")},
    **{(f"scipy.sparse.{module}", f"{module.strip('_')}_matrix"): module.strip("_") for module in ("csc", "_csc", "csr", "_csr")},
    **{(module, "_reconstructor"): "object of" for module in ("copy_reg", "copyreg")},
    **{(module, name): name for module in ("__builtin__", "builtins") for name in ("object", "set", "bytes", "bytearray")},
    ("_codecs", "encode"): "encoded",
}
CHUMPY = "chumpy."  # any of its expressions is kept; only plain arrays and selections of them are evaluated
KINDS = "biufcSUO"  # of the elements of an array
LARGEST = 2**28  # elements of a sparse matrix, 2 GiB once it is dense
NPY = b"\x93NUMPY"  # how a .npy begins; no pickle does
LARGEST_ENTRY = 2**33  # bytes of an unpacked entry of a .npz: a small file may claim any size
DAMAGED = (pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError, RecursionError,
           ImportError, zipfile.BadZipFile, OSError, NotImplementedError, SyntaxError, tokenize.TokenError, zlib.error)


class Refused(pickle.UnpicklingError):
    """The pickle asks for something that no array needs."""


class _Kept:
    """What a pickle says of one object; nothing of its class runs."""

    kind = ""
    args: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *args: Any) -> "_Kept":
        made = super().__new__(cls)
        made.args = args
        return made

    def __setstate__(self, state: Any) -> None:
        self.state = state


@dataclass(frozen=True)
class Expression:
    """A chumpy object: the name of its class, such as chumpy.ch.Ch, and its attributes as the pickle has them."""

    name: str
    attributes: Any


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type[_Kept]:
        kind = f"{module}.{name}" if module.startswith(CHUMPY) else KNOWN.get((module, name))
        if kind is None:
            raise Refused(f"{module}.{name}")
        return type("Kept", (_Kept,), {"kind": kind})  # one of its own each time, so that a pickle that writes into it changes no other


def load(file: IO[bytes]) -> Any:
    """What a pickle holds: arrays, scalars, csc and csr matrices, `Expression`s, in dicts, lists, tuples and sets.

    Texts of Python 2 are read as Latin-1, as its arrays need. Raises Refused or one of DAMAGED.
    """
    return _Maker().made(_Reader(file, encoding="latin1").load())


class _Maker:
    """Makes values of what was kept, shared ones once."""

    def __init__(self) -> None:
        self.known: dict[int, Any] = {}

    def made(self, value: Any) -> Any:
        if not isinstance(value, dict | list | tuple | set | frozenset | _Kept):
            if isinstance(value, type):
                raise Refused("a class instead of a value")
            return value
        if id(value) not in self.known:
            self.known[id(value)] = _Kept  # until it is made
            self.known[id(value)] = self._new(value)
        if self.known[id(value)] is _Kept:
            raise ValueError("it holds itself")
        return self.known[id(value)]

    def _new(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.made(key): self.made(one) for key, one in value.items()}
        if not isinstance(value, _Kept):
            return type(value)(self.made(one) for one in value)
        if value.kind.startswith(CHUMPY):
            return Expression(value.kind, value.state)
        if value.kind not in self._ways:
            raise Refused(f"{value.kind} instead of a value")
        return self._ways[value.kind](self, value)

    def _array(self, kept: _Kept) -> np.ndarray:
        _, shape, dtype, column_first, raw = kept.state
        order, kind = "F" if column_first else "C", self._dtype(dtype)
        if kind.kind != "O":
            return np.frombuffer(self._bytes(raw), kind).reshape(shape, order=order).copy(order="K")  # type: ignore[call-overload]
        flat = np.empty(len(raw), object)
        for place, one in enumerate(raw):
            flat[place] = self.made(one)
        return flat.reshape(shape, order=order)  # type: ignore[call-overload]

    def _buffer(self, kept: _Kept) -> np.ndarray:
        raw, dtype, shape, order = kept.args
        return np.frombuffer(self._bytes(raw), self._dtype(dtype)).reshape(shape, order=order).copy(order="K")

    def _scalar(self, kept: _Kept) -> Any:
        return np.frombuffer(self._bytes(kept.args[1]), self._dtype(kept.args[0]))[0]

    def _dtype(self, kept: Any) -> np.dtype[Any]:
        """The type of elements: a simple one, by its text and byte order alone."""
        made = np.dtype(str(kept.args[0]))
        if made.kind not in KINDS:  # no structures
            raise Refused(f"an array of {made}")
        return made.newbyteorder(kept.state[1]) if kept.state and kept.state[1] in ("<", ">") else made

    def _bytes(self, raw: Any) -> bytes:
        raw = self.made(raw)
        return raw.encode("latin1") if isinstance(raw, str) else bytes(memoryview(raw))

    def _encoded(self, kept: _Kept) -> bytes:
        text, encoding = kept.args
        if encoding not in ("latin1", "latin-1"):
            raise Refused(f"bytes by way of {encoding}")
        return bytes(text.encode("latin1"))

    def _sparse(self, kept: _Kept) -> Any:
        state = {name: self.made(kept.state[name]) for name in ("data", "indices", "indptr", "_shape")}
        if np.prod(np.asarray(state["_shape"], float)) > LARGEST:
            raise ValueError("a matrix too large to be written out")
        made = {"csc": csc_matrix, "csr": csr_matrix}[kept.kind]((state["data"], state["indices"], state["indptr"]), shape=state["_shape"])
        made.check_format(full_check=True)  # else indices may point out of the array
        return made

    def _object(self, kept: _Kept) -> Any:
        """`copyreg._reconstructor(class, object, None)`: how protocols 0 and 1 make objects."""
        made = kept.args[0]()  # one of our stand-ins, as nothing else that can be called comes out of a pickle
        made.state = kept.state
        return self._new(made)

    _ways: dict[str, Callable[["_Maker", _Kept], Any]] = {  # noqa: RUF012
        "array": _array, "buffer": _buffer, "scalar": _scalar, "encoded": _encoded, "csc": _sparse, "csr": _sparse, "object of": _object,
        "set": lambda self, kept: {self.made(one) for one in kept.args[0]},
        "bytearray": lambda self, kept: bytearray(self._bytes(kept.args[0])),
        "bytes": lambda self, kept: b"",  # protocols 0 to 2 write empty ones so
    }  # fmt: skip


def array_of(value: Any) -> np.ndarray:
    """A dense array of an array, a sparse matrix, a chumpy array (`x`) or a selection of one; ValueError for anything else."""
    if isinstance(value, Expression):
        held = value.attributes if isinstance(value.attributes, dict) else {}
        if value.name == "chumpy.ch.Ch" and "x" in held:
            return array_of(_Maker().made(held["x"]))
        if value.name == "chumpy.reordering.Select" and {"a", "idxs", "preferred_shape"} <= set(held):
            whole, places, shape = (_Maker().made(held[name]) for name in ("a", "idxs", "preferred_shape"))
            return array_of(whole).ravel()[array_of(places)].reshape(shape)
        raise ValueError(f"an expression of {value.name}")
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 0:
        return array_of(value.item())
    found = value.toarray() if issparse(value) else np.asarray(value)
    if found.dtype == object:
        raise ValueError("no array of numbers")
    return found


def read_value(path: Path, names: Sequence[str] | None = None) -> Any:
    """What a pickle holds, the array of a .npy, or the entries of a .npz by name (of them only `names` where given), told apart by content, not by
    the file's name.

    Values as `load` gives them. UserError where the file is missing, damaged or refused.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: check the path")
    try:
        with path.open("rb") as file:
            if zipfile.is_zipfile(path):
                return _npz(path, names)
            if file.read(len(NPY)) == NPY:
                file.seek(0)
                return _npy(file, path)
            file.seek(0)
            return load(file)
    except Refused as error:
        raise UserError(f"{path} is refused: it asks for {error}, which no array needs and which could run a program; "
                        "get the file from its source again, or save its arrays as a .npz") from error
    except DAMAGED as error:
        raise UserError(f"{path} cannot be read, it is damaged or no .npz and no pickle of arrays ({error}): get it from its source again") from error


def read_arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, Any]:
    """`read_value` of a .npz or of a pickled dict; UserError also where the pickle holds something else."""
    found = read_value(path, names)
    if not isinstance(found, dict):
        raise UserError(f"{path} holds a {type(found).__name__}, not arrays by name: give another file")
    return {str(name): value for name, value in found.items()}


def _npy(file: IO[bytes], path: Path) -> Any:
    """The array of a .npy; an array of objects through `load`."""
    version = np.lib.format.read_magic(file)
    shape, _, dtype = _header(version, file)
    if dtype.hasobject:
        return load(file)
    if math.prod(shape) * dtype.itemsize > path.stat().st_size:
        raise ValueError("its header promises more than the file holds")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _header(version: tuple[int, int], file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of elements that an array's header says."""
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    return headers[version](file)


def _npz(path: Path, names: Sequence[str] | None) -> dict[str, Any]:
    """Entries of a .npz; arrays of objects through `load`."""
    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if names is not None and name not in names:
                continue
            if member.file_size > LARGEST_ENTRY:
                raise ValueError(f"its entry {name} would unpack to {member.file_size / 2**30:.0f} GiB")
            with archive.open(member) as file:
                _, _, dtype = _header(np.lib.format.read_magic(file), file)
                if dtype.hasobject:
                    found[name] = load(file)
                    continue
            with archive.open(member) as file:
                found[name] = np.lib.format.read_array(file, allow_pickle=False)
    return found
