"""Frames and scans in the order of time, by whatever clock they carry: sorted where two were swapped, in parts where the clock was set back.

    0.0 0.1 0.3 0.2 0.4        one came late: it fits into the gap that it left, and is put there
    0.0 0.1 0.2 0.1 0.3        a stray: what follows goes on as if it were not there; left out
    4.8 4.9 5.0 0.0 0.1        the clock was set back, or recordings were joined: a part of its own begins, of a clock that goes on
"""

import math
from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
WAITING = 6  # items that wait for late ones
FITS = 0.6  # of the usual step: a late one is so far from its neighbours at least


class Placed(NamedTuple, Generic[Item]):
    """One item: the part of the recording it is of, its time by a clock that never falls (None where it has none), and itself."""

    part: int
    time_s: float | None
    item: Item


class Clock(Generic[Item]):
    """Brings the items of one recording into order; counts the parts, those that came `late` and were sorted in, and strays `left_out`.

    time_of: the time of an item by its own clock, seconds; None where it has none: such items come at once.
    """

    def __init__(self, time_of: Callable[[Item], float | None]) -> None:
        self.time_of = time_of
        self.parts = 1
        self.late = self.left_out = 0
        self._held: list[tuple[float, Item]] = []  # of this part, by their own clock
        self._shift = 0.0  # from that clock to one that never falls
        self._last = -math.inf  # the newest that has left, by its own clock
        self._steps: deque[float] = deque(maxlen=99)

    def in_order(self, items: Iterable[Item]) -> Iterator[Placed[Item]]:
        """The items in order."""
        odd: tuple[float, Item] | None = None  # earlier than it should be: the next one tells what it is
        before: float | None = None
        for item in items:
            time_s = self.time_of(item)
            if time_s is None or not math.isfinite(time_s):
                yield from self._leave(0)
                yield Placed(self.parts - 1, None, item)
                continue
            if before is not None and time_s != before:
                self._steps.append(abs(time_s - before))
            before = time_s
            if odd is not None:
                if time_s < self._newest():
                    yield from self._set_back(*odd)
                else:
                    self.left_out += 1
                odd = None
            if time_s >= self._newest() or self._fits(time_s):
                self._hold(time_s, item)
                yield from self._leave(WAITING)
            else:
                odd = time_s, item
        if odd is not None:
            yield from self._set_back(*odd)
        yield from self._leave(0)

    def _newest(self) -> float:
        return self._held[-1][0] if self._held else self._last

    def _step(self) -> float:
        return sorted(self._steps)[(len(self._steps) - 1) // 2] if self._steps else 0.0

    def _fits(self, time_s: float) -> bool:
        """Whether one that came late has room between those that wait."""
        place = bisect(self._held, time_s, key=itemgetter(0))
        earlier = self._held[place - 1][0] if place else self._last
        later = self._held[place][0] if place < len(self._held) else -math.inf
        room = FITS * self._step()
        near = earlier > -math.inf or later - time_s <= WAITING * self._step()
        return near and time_s - earlier >= room and later - time_s >= room

    def _hold(self, time_s: float, item: Item) -> None:
        self.late += time_s < self._newest()
        self._held.insert(bisect(self._held, time_s, key=itemgetter(0)), (time_s, item))

    def _leave(self, most: int) -> Iterator[Placed[Item]]:
        """Let go of the earliest, until `most` wait."""
        while len(self._held) > most:
            self._last, item = self._held.pop(0)
            yield Placed(self.parts - 1, self._last + self._shift, item)

    def _set_back(self, time_s: float, item: Item) -> Iterator[Placed[Item]]:
        """End a part. The next begins with an item of that time, a step later."""
        yield from self._leave(0)
        self.parts += 1
        self._shift += self._last + self._step() - time_s
        self._last = -math.inf
        self._hold(time_s, item)
