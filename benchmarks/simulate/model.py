"""The simulation: a fluid of events, a second a step, from the source to the objects; nobody's luck is in it.

What is not fluid is as it is there: KEDA's reading and the HorizontalPodAutoscaler's steps each 15 s, a pod's
start, a kill whose messages come back when their visibility ends. A batch is taken to be as old as it can get, so
that lags are those of its oldest event.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from simulate.given import IN_FLIGHT, PAYLOAD, S3_PUTS, Prices
from simulate.limits import Parts

HPA_PERIOD: Final = 15
"""Seconds: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/"""
TOLERANCE: Final = 0.1
"""The HPA leaves the number of pods as it is when the metric is so near to its target."""


_RESTART: Final = 5.0
"""Seconds until a pod on the same node polls again."""


@dataclass
class State:
    """After one second. Counts of events unless said; `unread`: at the source; `hidden`: a killed pod's;
    `puts`: of objects; `checkpoints`: the PUTs of producers' positions."""

    second: int
    came: float = 0.0
    unread: float = 0.0
    visible: float = 0.0
    held: float = 0.0
    hidden: float = 0.0
    written: float = 0.0
    pods: int = 0
    wanted: int = 0
    lag: float = 0.0
    in_flight: float = 0.0
    puts: float = 0.0
    checkpoints: float = 0.0
    sqs_requests: float = 0.0
    dollars: float = 0.0

    @property
    def inside(self) -> float:
        """Events that have come and are not in an object."""
        return self.unread + self.visible + self.held + self.hidden


@dataclass
class _Cluster:
    """Pods that work, pods that start (when they will be ready), and what the autoscaler has wished."""

    ready: int
    starting: deque[float] = field(default_factory=deque)
    wishes: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def size(self) -> int:
        return self.ready + len(self.starting)


def simulate(
    parts: Parts,
    rate: Callable[[int], float],
    seconds: int,
    *,
    prices: Prices | None = None,
    kills: Mapping[int, int] | None = None,
    backlog: float = 0.0,
) -> list[State]:
    """`rate(second)`: events/s of the source; `kills`: second → pods killed then; `backlog`: events in the queue
    at the start."""
    setup, prices, kills = parts.setup, prices or Prices(), kills or {}
    cluster = _Cluster(setup.min_pods)
    batches: deque[tuple[float, float]] = deque()
    returning: deque[tuple[float, float]] = deque()
    came_curve: deque[tuple[int, float]] = deque()
    now = State(0, came=backlog, visible=backlog, pods=setup.min_pods)
    came_curve.append((0, backlog))
    states = []
    messages = backlog / parts.full_pack
    for second in range(1, seconds + 1):
        came = rate(second)
        packed = parts.pack_events(came / setup.producers)
        now = State(
            second, now.came + came, now.unread, now.visible, now.held, now.hidden, now.written
        )
        came_curve.append((second, now.came))
        sent = min(now.unread + came, parts.producers_rate())
        now.unread += came - sent
        while returning and returning[0][0] <= second:
            back = returning.popleft()[1]
            now.hidden -= back
            now.visible += back
        now.visible += sent
        messages += sent / packed
        # Of what is in the queue: what was packed in a calm is in smaller packs than what comes in a burst.
        per_message = max(1.0, (now.inside - now.unread) / messages) if messages > 1e-9 else packed
        _start(cluster, second)
        killed = min(kills.get(second, 0), cluster.ready)
        if killed:
            _kill(
                now,
                cluster,
                killed,
                batches=batches,
                returning=returning,
                visibility=setup.visibility,
            )
        room = min(cluster.ready * setup.held_messages, IN_FLIGHT) * per_message
        carried = min(now.visible, cluster.ready * parts.pod_rate(), max(0.0, room - now.held))
        now.visible -= carried
        now.held += carried
        batches.append((second, carried))
        before_write = now.written
        now.puts = _write(now, cluster, batches, parts, carried)
        messages = max(0.0, messages - (now.written - before_write) / per_message)
        now.in_flight = (now.held + now.hidden) / per_message
        before = max(cluster.ready, 1)
        _scale(cluster, second, now.visible / per_message + now.in_flight, parts)
        if cluster.ready < before:
            # A pod that goes hands its messages back at once.
            now.visible += _take(now, (before - cluster.ready) / before, batches)
        now.pods, now.wanted = cluster.ready, cluster.size
        while len(came_curve) > 1 and came_curve[1][1] <= now.written + 1e-6:
            came_curve.popleft()
        waiting = now.inside > 1e-6
        now.lag = (
            second - came_curve[0][0] + parts.setup.pack_age * _slow(parts, came)
            if waiting
            else 0.0
        )
        _bill(now, cluster, parts, prices, sent=sent / packed, read=carried / per_message)
        states.append(now)
    return states


def _start(cluster: _Cluster, second: int) -> None:
    while cluster.starting and cluster.starting[0] <= second:
        cluster.starting.popleft()
        cluster.ready += 1


def _kill(
    now: State,
    cluster: _Cluster,
    killed: int,
    *,
    batches: deque[tuple[float, float]],
    returning: deque[tuple[float, float]],
    visibility: float,
) -> None:
    """What they hold is seen again when its visibility ends; the Deployment starts others."""
    lost = _take(now, killed / cluster.ready, batches)
    now.hidden += lost
    returning.append((now.second + visibility, lost))
    cluster.ready -= killed
    cluster.starting.extend([now.second + _RESTART] * killed)


def _take(now: State, share: float, batches: deque[tuple[float, float]]) -> float:
    """A share of what is held, which is held no longer."""
    for index, (born, amount) in enumerate(batches):
        batches[index] = (born, amount * (1 - share))
    taken = now.held * share
    now.held -= taken
    return taken


def _write(
    now: State, cluster: _Cluster, batches: deque[tuple[float, float]], parts: Parts, carried: float
) -> float:
    """Writes what is as old as a batch gets at this speed; PUTs of this second."""
    setup, pods = parts.setup, max(cluster.ready, 1)
    speed = carried / pods
    fill = min(setup.batch_age, setup.batch_rows / speed if speed > 0 else setup.batch_age)
    done = 0.0
    while batches and now.second - batches[0][0] >= math.floor(fill):
        done += batches.popleft()[1]
    rows = min(max(setup.batch_rows, parts.full_pack), max(speed * setup.batch_age, 1.0))
    most = S3_PUTS * setup.prefixes * rows
    if done > most:
        batches.appendleft((now.second - setup.batch_age, done - most))
        done = most
    now.held -= done
    now.written += done
    return done / rows


def _scale(cluster: _Cluster, second: int, messages: float, parts: Parts) -> None:
    """The HorizontalPodAutoscaler on KEDA's average value, with the chart's policies."""
    setup = parts.setup
    if second % HPA_PERIOD:
        return
    size = cluster.size
    wish = math.ceil(messages / setup.queue_length)
    if size and abs(messages / (size * setup.queue_length) - 1) <= TOLERANCE:
        wish = size
    wish = max(setup.min_pods, min(setup.max_pods, wish))
    cluster.wishes.append((second, wish))
    while cluster.wishes[0][0] < second - setup.scale_down_after:
        cluster.wishes.popleft()
    if wish > size:
        # 100 % or 4 pods each 15 s, whichever is more.
        grown = min(wish, size + max(size, 4))
        cluster.starting.extend([second + parts.network.pod_start] * (grown - size))
    else:
        least = max(most for _at, most in cluster.wishes)
        # 50 % or 2 pods each 15 s.
        shrunk = max(least, size - max(size // 2, 2))
        while cluster.size > shrunk and cluster.starting:
            cluster.starting.pop()
        cluster.ready = min(cluster.ready, max(shrunk, 0))


def _slow(parts: Parts, came: float) -> float:
    """Whether packs wait for their age."""
    full = parts.full_pack * parts.setup.producers
    return (
        1.0 if came * parts.setup.pack_age < full else full / max(came, 1e-9) / parts.setup.pack_age
    )


def _bill(
    now: State, cluster: _Cluster, parts: Parts, prices: Prices, *, sent: float, read: float
) -> None:
    """`sent`, `read`: messages of this second."""
    setup = parts.setup
    # SQS bills each 64 KiB of a request; messages that come singly are a request each.
    heavy = parts.full_pack * parts.measured.packed_bytes / PAYLOAD
    shared = max(heavy, 1 / parts.in_a_call())
    for messages, threads in ((sent, setup.senders), (read, cluster.ready * setup.receivers)):
        now.sqs_requests += messages * (shared if messages > 10 * threads else max(heavy, 1.0))
    now.sqs_requests += read / 10
    # A position moves when a message is accepted.
    now.checkpoints = min(sent, setup.producers / setup.checkpoint_interval)
    polls = cluster.ready * setup.receivers / setup.receive_wait
    now.sqs_requests += max(0.0, polls - read)
    cores = cluster.size * setup.pod_cores + setup.producers * setup.producer_cores
    memory = cluster.size * setup.pod_gib + setup.producers * setup.producer_gib
    now.dollars = (
        now.sqs_requests * prices.million_sqs_requests
        + (now.puts + now.checkpoints) * prices.million_puts
    ) / 1e6 + (cores * prices.core_hour + memory * prices.gib_hour) / 3600
