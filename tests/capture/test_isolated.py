"""Whatever a reader does in its own process, this one lives on and says it in one line."""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaitbridge.capture.isolated import Broken, Running, emit, pack, report, run_isolated, stopping, unpack
from gaitbridge.errors import UserError


def echo(*args: Any) -> Any:
    print("a library talks")
    os.write(1, b"a library talks in C")
    return list(args)


def crash(name: str) -> None:
    os.kill(os.getpid(), 11)


def leave(name: str) -> None:
    os._exit(3)


def hang(name: str) -> None:
    time.sleep(60)


def bomb(name: str) -> int:
    return sum(len(bytearray(2**24)) for _ in [0]) + len([bytearray(2**24) for _ in range(400)])


def mistake(name: str) -> None:
    raise UserError(f"{name} is empty: give another")


def failure(name: str) -> None:
    raise RuntimeError("two\nlines")


def foreign(name: str) -> object:
    return object()


def stepwise(steps: int, pause_s: float) -> int:
    for done in range(steps):
        time.sleep(pause_s)
        report(done + 1, steps, "x")
    return steps


def babble(name: str) -> None:
    from gaitbridge.capture import isolated

    assert isolated._channel is not None
    isolated._channel.write(b"\x01" + (1 << 60).to_bytes(8, "little") + b"?" * 100)
    isolated._channel.flush()
    time.sleep(60)


def lie(name: str) -> None:
    from gaitbridge.capture import isolated

    assert isolated._channel is not None
    isolated._channel.write(isolated._HEAD.pack(1, 3) + b"???")
    isolated._channel.flush()
    time.sleep(60)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return isinstance(b, dict) and same(list(a.items()), list(b.items()))
    return type(a) is type(b) and a == b


def test_values_and_arrays_come_back() -> None:
    arrays = {"a": {1: np.arange(6, dtype=np.int16).reshape(2, 3)}, (1, 2): np.zeros((0, 4))}
    given = [None, True, 3, 2.5, "ä", b"\x00\xff", Path("a/b"), (1, [2]), arrays]
    found = run_isolated(echo, *given, seconds=60, megabytes=500)
    assert same(found, given)
    found[-1]["a"][1][0, 0] = 7  # an array of one's own


@pytest.mark.parametrize(("function", "words"), [
    (crash, "crashed"), (leave, "crashed .code 3"), (bomb, "more than 300 MB"), (mistake, "^f.avi is empty: give another$"),
    (failure, "failed .RuntimeError: two lines"), (foreign, "cannot be passed"), (babble, "too much"), (lie, "nonsense"),
])  # fmt: skip
def test_what_goes_wrong_is_one_line(function: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        run_isolated(function, "f.avi", seconds=60, megabytes=300)
    assert str(caught.value).startswith("f.avi")
    assert "\n" not in str(caught.value)


def test_a_hang_is_ended() -> None:
    with pytest.raises(UserError, match="did not go on for 1 s"):
        run_isolated(hang, "f.avi", seconds=1, megabytes=300)


def test_what_reports_may_take_longer() -> None:
    seen = []
    assert run_isolated(stepwise, 4, 0.6, seconds=2, megabytes=300, what="f.avi", progress=lambda *step: seen.append(step)) == 4
    assert seen == [(done, 4, "x") for done in (1, 2, 3, 4)]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner), max_leaves=20,
)  # fmt: skip


@given(plain)
def test_packing_is_exact(value: Any) -> None:
    assert same(unpack(pack(value)), value)


@given(st.data())
def test_damaged_packs_are_value_errors(data: st.DataObject) -> None:
    good = bytearray(pack({"a": [np.arange(5.0), b"xyz", (1, "b")], "n": Path("x")}))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(good[: data.draw(st.integers(0, len(good)))])
    for one in (cut, bytes(good)):
        with contextlib.suppress(ValueError):
            unpack(one)


def count_up(most: int) -> str:
    for number in range(most):
        emit({"number": number, "array": np.full(3, number)})
        time.sleep(0.001)
        if stopping():
            return f"stopped after {number}"
    return "done"


def emit_and_crash(name: str) -> None:
    emit("finished")
    os.kill(os.getpid(), 11)


def read_file(number: int) -> bytes:
    return os.read(number, 100)


def test_values_come_one_by_one() -> None:
    with Running(count_up, 5, seconds=60, megabytes=300) as running:
        found = list(running.items())
    assert [one["number"] for one in found] == [0, 1, 2, 3, 4]
    assert found[4]["array"].tolist() == [4, 4, 4]
    assert running.result == "done"


def test_what_never_ends_can_be_asked_to_stop_and_what_it_gave_is_there() -> None:
    seen = []
    with Running(count_up, 10**9, seconds=60, megabytes=300) as running:
        for one in running.items():
            seen.append(one["number"])
            if len(seen) == 100:
                running.stop()
    assert running.result == f"stopped after {seen[-1]}"
    assert seen == list(range(len(seen)))  # nothing is lost on the way


def test_a_slow_reader_makes_it_wait() -> None:
    with Running(count_up, 10**9, seconds=60, megabytes=300) as running:
        items = running.items()
        next(items)
        time.sleep(1.5)  # in which it would count to a thousand
        assert running._messages.qsize() <= 64
        running.stop()
        assert sum(1 for _ in items) < 900  # the pipe holds some


def test_what_was_given_before_a_crash_is_kept() -> None:
    with Running(emit_and_crash, "f.avi", seconds=60, megabytes=300) as running:
        items = running.items()
        assert next(items) == "finished"
        with pytest.raises(Broken, match="crashed"):
            next(items)


def test_a_mistake_is_told_from_a_crash() -> None:
    with Running(mistake, "f.avi", seconds=60, megabytes=300) as running, pytest.raises(UserError) as caught:
        list(running.items())
    assert not isinstance(caught.value, Broken)


def test_an_open_file_can_be_passed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"hello")
    with (tmp_path / "a").open("rb") as file, Running(read_file, file.fileno(), seconds=60, megabytes=300, files=(file.fileno(),)) as running:
        assert list(running.items()) == []
        assert running.result == b"hello"
