"""The built-in SSE source: generated events, served with EventStreams' protocol and with faults."""

from sluice_local.sse.faults import Faults, parse_fault
from sluice_local.sse.log import EventLog, FileLedger, Ledger
from sluice_local.sse.sender import ServerOptions
from sluice_local.sse.server import SseServer

__all__ = [
    "EventLog",
    "Faults",
    "FileLedger",
    "Ledger",
    "ServerOptions",
    "SseServer",
    "parse_fault",
]
