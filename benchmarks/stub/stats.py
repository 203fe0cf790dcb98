"""What contenders asked for."""

from dataclasses import dataclass


@dataclass
class Stats:
    """Calls, messages and bytes since the last load."""

    receives: int = 0
    deletes: int = 0
    sends: int = 0
    extends: int = 0
    puts: int = 0
    put_bytes: int = 0
    sent: int = 0
    sent_bytes: int = 0
    deleted: int = 0
    redelivered: int = 0
    readers: int = 0
