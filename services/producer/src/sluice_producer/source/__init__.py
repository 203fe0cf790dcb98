"""The SSE side: bytes to lines, lines to events, events over one connection, connections over time."""
