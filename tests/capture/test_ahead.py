"""Work ahead in a thread: the same items, errors in their place, and an end where nobody asks any more."""

import threading
from collections.abc import Generator

import pytest

from gaitbridge.capture.video.ahead import MOST, ahead
from gaitbridge.errors import UserError


def test_items_come_in_order_and_the_error_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def items() -> Generator[int, None, None]:
        yield from range(20)
        raise UserError("torn")

    for count in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", count)
        pictures = ahead(items())
        assert [next(pictures) for _ in range(20)] == list(range(20))
        with pytest.raises(UserError, match="torn"):
            next(pictures)


@pytest.mark.parametrize("count", ["1", "2"])
def test_closing_ends_the_thread_and_the_items(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    made, closed, threads = list[int](), threading.Event(), set[threading.Thread]()

    def items() -> Generator[int, None, None]:
        try:
            for number in range(10_000):
                made.append(number)
                threads.add(threading.current_thread())
                yield number
        finally:
            closed.set()

    pictures = ahead(items())
    assert [next(pictures) for _ in range(5)] == [0, 1, 2, 3, 4]
    pictures.close()
    assert closed.is_set()
    assert len(made) <= 5 + 2 * MOST + 2  # bounded
    (thread,) = threads
    assert (thread is threading.current_thread()) == (count == "1")
    assert thread is threading.current_thread() or not thread.is_alive()
