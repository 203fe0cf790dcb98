"""The built-in SSE source: generated events, served with EventStreams' protocol and with faults."""

from sluice_local.sse.faults import Faults, parse_fault
from sluice_local.sse.log import EventLog, SourceLedger, SourceLedgerFile
from sluice_local.sse.sender import ServerOptions
from sluice_local.sse.server import SseServer

__all__ = [
    "EventLog",
    "Faults",
    "ServerOptions",
    "SourceLedger",
    "SourceLedgerFile",
    "SseServer",
    "parse_fault",
]
