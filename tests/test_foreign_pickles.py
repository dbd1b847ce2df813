"""Foreign pickles: what is let in, and that nothing is ever run."""

import io
import os
import pickle
import pickletools
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaitbridge import foreign_pickles
from gaitbridge.errors import UserError
from gaitbridge.foreign_pickles import Refused, load, read_arrays, read_value

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Calls:
    """Pickled, it has a callable called."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], tuple(self.call[1:])


def test_the_payload_of_these_tests_works_with_the_ordinary_reader(tmp_path: Path) -> None:
    """Otherwise they would prove nothing."""
    pickle.loads(pickle.dumps(Calls(os.system, f"touch {tmp_path / 'ran'}")))
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("place", ["alone", "in a list", "beside an array", "as a key's value", "within an array of objects"])
def test_hostile_pickles_do_not_run(protocol: int, place: str, tmp_path: Path) -> None:
    sign, file = tmp_path / "ran", tmp_path / "a.pkl"
    evil = Calls(os.system, f"touch {sign}")
    objects = np.empty(1, object)
    objects[0] = evil
    value = {"alone": evil, "in a list": [evil], "beside an array": (np.zeros(3), evil), "as a key's value": {"a": evil},
             "within an array of objects": objects}[place]
    file.write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(UserError, match="refused") as error:
        read_value(file)
    assert str(file) in str(error.value)
    assert not sign.exists()


@pytest.mark.parametrize("call", [
    (eval, "1"), (exec, "1"), (getattr, "a", "upper"), (__import__, "os"), (open, "/dev/null"), (np.load, "x"), (np.frombuffer, b"1"),
    (map, str, [1]), (pickle.loads, b"N."), (type, "x", (), {}), (globals,),
], ids=lambda call: call[0].__name__)
def test_callables_are_refused_whatever_they_are(call: tuple[Any, ...]) -> None:
    with pytest.raises(Refused):
        load(io.BytesIO(pickle.dumps(Calls(*call))))


@pytest.mark.parametrize("raw", [
    b"cos\nsystem\n(S'true'\ntR.",  # by opcode, as hand-written
    b"cbuiltins\nexec\n.",  # named only
    b"(S'true'\nios\nsystem\n.",  # INST
    b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",  # STACK_GLOBAL
    b"cnumpy.core.multiarray\n_reconstruct\ncos\nsystem\n\x85R.",
    b"cnumpy\nndarray\n.",  # a class instead of a value
    b"cnumpy\ndtype\n.",
    b"cnumpy.testing\nmeasure\n.",
])
def test_hand_written_pickles_are_refused(raw: bytes) -> None:
    assert list(pickletools.genops(raw))
    with pytest.raises(Refused):
        load(io.BytesIO(raw))


def test_a_dtype_with_a_state_of_its_own_does_not_reach_into_memory() -> None:
    """An array of objects over raw bytes would make pointers of them; structures are refused as well."""
    raw = pickle.dumps(np.zeros(2, np.int64), 2)
    assert raw.count(b"i8") == 1
    with pytest.raises(foreign_pickles.DAMAGED):
        load(io.BytesIO(raw.replace(b"i8", b"O8")))
    with pytest.raises(foreign_pickles.DAMAGED):
        load(io.BytesIO(pickle.dumps(np.zeros(2, [("a", "i4")]))))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", [
    np.random.default_rng(0).integers(0, 255, (3, 64, 44), np.uint8), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(4, dtype=">i4"),
    np.array(True), np.array(["a", "bc"]), np.zeros((0, 3)), [np.ones((2, 3)), np.ones((4, 3))], {"a": (1, 2.5, None, "x", b"y")}, np.float16(1.5),
], ids=["bytes", "columns first", "big end first", "bool", "texts", "empty", "list", "plain", "scalar"])
def test_what_datasets_hold_comes_out_equal(protocol: int, value: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, protocol))
    found = read_value(tmp_path / "a.pkl")
    assert type(found) is type(value)
    if isinstance(value, list):
        assert all(np.array_equal(one, other) for one, other in zip(found, value, strict=True))
    elif isinstance(value, np.ndarray):
        assert np.array_equal(found, value)
        assert found.dtype.newbyteorder("=") == value.dtype.newbyteorder("=")
        found[...] = 0  # it may be written into
    else:
        assert found == value


def test_names_of_old_and_new_numpy(tmp_path: Path) -> None:
    raw = pickle.dumps(np.arange(3), 4)
    other = raw.replace(b"numpy._core", b"numpy.core") if b"numpy._core" in raw else raw.replace(b"numpy.core", b"numpy._core")
    other = other.replace(b"\x8c\x16numpy.core.multiarray", b"\x8c\x15numpy.core.multiarray")
    frame = struct.pack("<Q", len(other) - 11)  # the frame's length follows the protocol
    other = other[:3] + frame + other[11:]
    for given in (raw, other):
        assert load(io.BytesIO(given)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("cut", [0, 1, 10, 60, -1])
def test_truncated_files_say_so(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "a.pkl"
    file.write_bytes(pickle.dumps(np.zeros((10, 10)))[:cut])
    with pytest.raises(UserError, match=r"a\.pkl cannot be read, it is damaged"):
        read_value(file)


def test_every_spoilt_byte_ends_in_an_error_or_a_value() -> None:
    whole, random = pickle.dumps([np.arange(5), {"a": 1.5}], 2), np.random.default_rng(0)
    for _ in range(3000):
        raw = bytearray(whole)
        raw[random.integers(len(raw))] = random.integers(256)
        try:
            load(io.BytesIO(bytes(raw)))
        except foreign_pickles.DAMAGED:
            continue


def test_files_are_told_apart_by_content(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(3), y=np.array([None, {"k": np.ones(2)}], dtype=object))
    (tmp_path / "a.npz").rename(tmp_path / "b.pkl")
    found = read_arrays(tmp_path / "b.pkl")
    assert found["x"].tolist() == [0, 1, 2]
    assert found["y"][1]["k"].tolist() == [1, 1]
    assert set(read_arrays(tmp_path / "b.pkl", ["x"])) == {"x"}
    (tmp_path / "c.npz").write_bytes(pickle.dumps([1]))
    assert read_value(tmp_path / "c.npz") == [1]
    with pytest.raises(UserError, match="holds a list, not arrays by name"):
        read_arrays(tmp_path / "c.npz")
    with pytest.raises(UserError, match="is missing"):
        read_value(tmp_path / "d.pkl")


def test_objects_within_a_npz_do_not_run(tmp_path: Path) -> None:
    evil = np.empty(1, object)
    evil[0] = Calls(os.system, f"touch {tmp_path / 'ran'}")
    np.savez(tmp_path / "a.npz", results=evil)
    with pytest.raises(UserError, match="refused"):
        read_value(tmp_path / "a.npz")
    assert not (tmp_path / "ran").exists()


def test_a_npz_that_would_fill_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_pickles, "LARGEST_ENTRY", 2**20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(2**18))
    assert (tmp_path / "a.npz").stat().st_size < 2**14
    with pytest.raises(UserError, match="entry x would unpack to"):
        read_value(tmp_path / "a.npz")


def test_an_entry_of_a_npz_that_is_no_array_is_damage(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", b"nonsense")
    with pytest.raises(UserError, match="cannot be read"):
        read_value(tmp_path / "a.npz")
