"""Pictures decoded ahead in a thread, while those before are worked on: the same pictures in the same order."""

import queue
from collections.abc import Generator
from threading import Event, Thread
from typing import TypeVar

from gaitbridge.machine import threads

MOST = 3  # that wait

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same items, made in a thread of their own where there is more than one thread to work with.

    An error comes where it would have come. Whoever closes this ends the thread, and `items` with it.
    """
    if threads() == 1:
        yield from items
        return
    waiting: queue.Queue[tuple[Item] | None] = queue.Queue(MOST)
    closed, errors = Event(), list[Exception]()

    def work() -> None:
        try:
            for item in items:
                waiting.put((item,))
                if closed.is_set():
                    break
            items.close()
        except Exception as error:
            errors.append(error)
        finally:
            waiting.put(None)  # the end

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while (held := waiting.get()) is not None:
            yield held[0]
    except GeneratorExit:
        closed.set()
        while waiting.get() is not None:  # it may wait for room
            pass
        raise
    finally:
        thread.join()
    if errors:
        raise errors[0]
