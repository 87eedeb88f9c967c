"""How often a caller may ask: the generic cell rate algorithm, over all worker processes at once.

One number per caller is kept: the theoretical arrival time (TAT), at which all that the caller used
up has come back. A request moves it one interval on, at most a burst ahead of now. A number that
lies in the past says the same as none at all, so its place is free for another caller.

The numbers lie in a file that every worker maps into its memory, in a table of fixed size: however
many addresses ask, it does not grow. (ITU-T I.371, annex A.)
"""

from __future__ import annotations

import fcntl
import hashlib
import math
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "rates"
SLOT = struct.Struct("<QQ")  # who: 8 bytes of a hash; TAT in nanoseconds
SLOTS = 1 << 16
PROBES = 8  # places where a caller's number may lie
SIZE = SLOTS * SLOT.size
PRIVATE = 0o600
NANOSECONDS = 1_000_000_000
MINUTE = 60 * NANOSECONDS


class RateLimit:
    """Lets each caller ask `per_minute` times a minute on average, and `burst` times at once.

    `folder` is where the workers of one service share their numbers; without it they are this
    process's own. `clock` gives nanoseconds, the same in all processes of the machine: on Linux
    `time.monotonic_ns` counts from when it was started.
    """

    def __init__(
        self,
        per_minute: int,
        burst: int,
        folder: Path | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.per_minute = per_minute
        self.interval = MINUTE // per_minute
        self.horizon = self.interval * burst
        self.clock = clock
        self._file = None if folder is None else _open(folder / FILE_NAME)
        self._table = mmap.mmap(-1 if self._file is None else self._file, SIZE)

    def close(self) -> None:
        """Give the table back; what the other workers share stays."""
        self._table.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def ask(self, caller: str) -> float:
        """Count a request, and give 0; or give the seconds until one will be let through."""
        who, places = _places(caller)
        with self._locked():
            now = self.clock()
            place, arrival = self._find(who, places, now)
            arrival = max(arrival, now) + self.interval
            wait = arrival - self.horizon - now
            if wait > 0:
                return wait / NANOSECONDS
            SLOT.pack_into(self._table, place, who, arrival)
            return 0.0

    def _find(self, who: int, places: list[int], now: int) -> tuple[int, int]:
        """Give the caller's place and TAT; where all places are taken, the one soonest free."""
        soonest, soonest_place = math.inf, places[0]
        for place in places:
            owner, arrival = SLOT.unpack_from(self._table, place)
            if arrival > now + self.horizon:  # no such time can be: the machine was started anew
                arrival = 0
            if owner == who:
                return place, arrival
            if arrival < soonest:
                soonest, soonest_place = arrival, place
        return soonest_place, 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other workers out; the kernel takes the lock back from one that dies."""
        if self._file is None:
            yield
            return
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def _places(caller: str) -> tuple[int, list[int]]:
    who = int.from_bytes(hashlib.blake2b(caller.encode(), digest_size=8).digest(), "little") or 1
    return who, [(who + probe) % SLOTS * SLOT.size for probe in range(PROBES)]


def _open(path: Path) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    os.ftruncate(file, SIZE)  # a new file reads as zeros, an old one keeps its numbers
    return file
