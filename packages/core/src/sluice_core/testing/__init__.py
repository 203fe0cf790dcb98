"""Fakes of SQS and S3, a clock that moves when told, and a scripted HTTP server. Public: use them in your tests."""

from sluice_core.testing.fakes import FakeClock, FakeS3, FakeSqs, Fault, no_fault, work_off
from sluice_core.testing.server import Answer, Request, SseServer

__all__ = [
    "Answer",
    "FakeClock",
    "FakeS3",
    "FakeSqs",
    "Fault",
    "Request",
    "SseServer",
    "no_fault",
    "work_off",
]
