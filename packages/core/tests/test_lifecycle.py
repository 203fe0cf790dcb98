"""Stop, retry and health, with time given."""

import itertools
import json
import random
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from sluice_core.errors import PermanentError, TemporaryError
from sluice_core.service.retry import Backoff, Stopped, retry_forever
from sluice_core.service.stop import Stop
from sluice_core.service.telemetry import Health, make_registry, serve_http
from sluice_core.testing import FakeClock


def test_backoff_stays_within_its_bounds_and_honours_retry_after():
    backoff = Backoff(base=1, cap=8, rng=random.Random(1))
    delays = [backoff.next() for _ in range(50)]
    assert all(0 <= delay <= min(8, 2**n) for n, delay in enumerate(delays))
    assert max(delays) > 4
    assert backoff.next(at_least=100) == 100
    backoff.reset()
    assert backoff.next() <= 1


def test_retry_goes_on_until_it_works_and_lets_bugs_through():
    clock, tries = FakeClock(), []

    def call():
        tries.append(clock.monotonic())
        if len(tries) < 7:
            raise TemporaryError("no", delay=3)
        return "done"

    assert retry_forever(call, stop=Stop(), clock=clock) == "done"
    assert all(b - a >= 3 for a, b in itertools.pairwise(tries))

    def broken():
        raise PermanentError("bug")

    with pytest.raises(PermanentError):
        retry_forever(broken, stop=Stop(), clock=clock)


def test_retry_ends_when_the_stop_is_forced_but_not_when_it_is_requested():
    stop, tries = Stop(), []

    def call():
        tries.append(1)
        (stop.request if len(tries) < 3 else stop.force)()
        raise TemporaryError("no")

    with pytest.raises(Stopped):
        retry_forever(call, stop=stop, clock=FakeClock())
    assert len(tries) == 3
    with pytest.raises(Stopped):
        retry_forever(call, stop=stop, clock=FakeClock(), until_requested=True)


def test_callbacks_run_once_and_also_when_late():
    stop, seen = Stop(), []
    stop.on_request(lambda: seen.append("early"))
    stop.request()
    stop.request()
    stop.on_request(lambda: seen.append("late"))
    assert seen == ["early", "late"]
    assert not stop.forced


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_health_is_the_loops_progress_and_readiness_says_why_not():
    clock = FakeClock()
    health, registry = Health(clock), make_registry("test")
    server = serve_http("127.0.0.1", 0, registry, health)
    base = f"http://127.0.0.1:{server.port}"
    try:
        health.register("reader", 60)
        health.set_ready("sqs", False, "queue is gone")
        assert fetch(base + "/healthz")[0] == 200
        status, body = fetch(base + "/readyz")
        assert (status, json.loads(body)["not_ready"]) == (503, {"sqs": "queue is gone"})
        health.set_ready("sqs", True)
        assert fetch(base + "/readyz")[0] == 200
        clock.advance(61)
        assert json.loads(fetch(base + "/healthz")[1])["stuck"] == {"reader": 61.0}
        health.beat("reader")
        assert fetch(base + "/healthz")[0] == 200
        clock.advance(61)
        health.forget("reader")
        assert fetch(base + "/healthz")[0] == 200
        assert b'sluice_build_info{component="test"' in fetch(base + "/metrics")[1]
        assert fetch(base + "/else")[0] == 404
    finally:
        server.close()


_WAITS = """
import signal, sys, threading
from sluice_core.service.stop import Stop
stop = Stop()
stop.install_signal_handlers()
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", flush=True)
stop.event.wait()
print("requested", flush=True)
stop.forced_event.wait()
"""


def test_a_signal_that_another_thread_gets_is_a_request_and_the_next_one_forces():
    """As after a SIGCONT, when the kernel may choose any thread while the main one is blocked."""
    with subprocess.Popen(
        [sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout.readline() == "ready\n"
            child.terminate()
            assert child.stdout.readline() == "requested\n"
            child.terminate()
            assert child.wait(timeout=10) == 0
        finally:
            child.kill()


def test_a_process_that_hangs_is_left_at_the_end_of_its_grace_period():
    stop, clock, left = Stop(), FakeClock(), threading.Event()
    began = clock.monotonic()
    thread = stop.leave_after(26.0, clock, left.set)
    assert not left.is_set()
    stop.request()
    thread.join(10)
    assert left.is_set()
    assert clock.monotonic() - began == 26.0
