"""A day, second by second: images come, replicas answer or refuse, the autoscaler looks on."""

from __future__ import annotations

import math
from array import array
from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.scaling.autoscaler import SYNC_SECONDS, Autoscaler, Bounds, Measure, Target, wanted
from service.scaling.day import HOUR_SECONDS, Day
from service.scaling.replica import Replica

QUEUE_LOOKS = 4  # the mean of a minute, as the adapter's rule has it
PLANNED_LOAD = 0.7  # of the replicas that the simulation begins with


@dataclass(frozen=True)
class Capacity:
    """What one replica can do: measured, but for the variation, which is of your pictures.

    `variation` is the standard deviation of the time that a core takes for an image, over its mean.
    """

    images_per_second: float
    cores: int = 2
    max_queue: int = 64
    start_seconds: float = 20
    variation: float = 0.0

    def core_seconds(self, count: int, random: np.random.Generator) -> NDArray[np.float64]:
        """Draw how long a core takes for each of so many images."""
        mean = self.cores / self.images_per_second
        if not self.variation:
            return np.full(count, mean)
        shape = self.variation**-2
        return random.gamma(shape, mean / shape, count)


@dataclass(frozen=True)
class Outcome:
    """What came of a day: times in seconds, replicas at the end of each look."""

    latencies: NDArray[np.float64]
    refused: int
    replicas: tuple[int, ...]

    @property
    def replica_seconds(self) -> int:
        """Give for how long replicas ran, all together."""
        return sum(self.replicas) * SYNC_SECONDS


@dataclass(eq=False)
class Pod:
    """A replica, and what was last seen of it."""

    replica: Replica
    busy_percent: float = 0.0
    queue: deque[int] = field(default_factory=lambda: deque(maxlen=QUEUE_LOOKS))
    _done_seconds: float = 0.0

    def look(self, at: float) -> None:
        """Note the CPU time used since the last look, and what waits now, as a scrape does."""
        replica = self.replica
        done = replica.taken_seconds - replica.seconds_left(max(at, replica.ready_at))
        used = done - self._done_seconds
        self.busy_percent = 100 * used / (replica.cores * SYNC_SECONDS)
        self.queue.append(replica.waiting(at))
        self._done_seconds = done

    def value(self, measure: Measure) -> float:
        """Give what the autoscaler sees of one measure."""
        return self.busy_percent if measure == "cpu" else sum(self.queue) / len(self.queue)


class Pods:
    """The replicas that there are, the oldest first; those that stop answer what they took."""

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self.pods: list[Pod] = []

    def resize(self, number: int, ready_at: float) -> None:
        """Stop the latest, or start as many as are missing."""
        del self.pods[number:]
        while len(self.pods) < number:
            replica = Replica(self.capacity.cores, self.capacity.max_queue, ready_at)
            self.pods.append(Pod(replica))

    def ready(self, at: float) -> list[Replica]:
        """Give those that take images."""
        return [pod.replica for pod in self.pods if pod.replica.ready_at <= at]

    def asked(self, target: Target, at: float) -> int:
        """Give the replicas that one target asks for, by those that were ready for a whole look."""
        seen = [pod for pod in self.pods if pod.replica.ready_at <= at - SYNC_SECONDS]
        values = [pod.value(target.measure) for pod in seen]
        return wanted(values, len(self.pods) - len(seen), target.value)


def simulate(
    day: Day,
    capacity: Capacity,
    targets: tuple[Target, ...],
    bounds: Bounds,
    *,
    hours: float = 24,
    seed: int = 0,
) -> Outcome:
    """Run a day from midnight; without targets the number stays at the least."""
    random = np.random.default_rng(seed)
    pods, autoscaler = Pods(capacity), Autoscaler(bounds)
    first = math.ceil(day.rate(0) / capacity.images_per_second / PLANNED_LOAD)
    pods.resize(min(bounds.most, max(bounds.least, first)) if targets else bounds.least, 0)
    latencies = array("d")
    numbers: list[int] = []
    refused = 0
    for second in range(int(hours * HOUR_SECONDS)):
        refused += _serve(day, pods, second, random, latencies)
        if (second + 1) % SYNC_SECONDS == 0:
            _scale(pods, autoscaler, targets, second + 1)
            numbers.append(len(pods.pods))
    return Outcome(np.frombuffer(latencies), refused, tuple(numbers))


def _serve(
    day: Day, pods: Pods, second: int, random: np.random.Generator, latencies: array[float]
) -> int:
    """Let the images of one second come, each to a replica by chance; give how many are refused."""
    arrivals = day.arrivals(second, random)
    ready = pods.ready(second)
    if not ready:
        return len(arrivals)
    chosen = random.integers(len(ready), size=len(arrivals)).tolist()
    lengths = pods.capacity.core_seconds(len(arrivals), random).tolist()
    refused = 0
    for at, number, seconds in zip(arrivals.tolist(), chosen, lengths, strict=True):
        end = ready[number].offer(at, seconds)
        if end is None:
            refused += 1
        else:
            latencies.append(end - at)
    return refused


def _scale(pods: Pods, autoscaler: Autoscaler, targets: tuple[Target, ...], at: float) -> None:
    for pod in pods.pods:
        pod.look(at)
    if targets:
        asked = max(pods.asked(target, at) for target in targets)
        number = autoscaler.decide(at, len(pods.pods), asked)
        pods.resize(number, at + pods.capacity.start_seconds)
