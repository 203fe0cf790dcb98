"""The accounts that a service's own metrics keep: what came in is somewhere, at any quiet moment and after every fault."""

from harness.processes import Child
from harness.waiting import until

_RETURNED = "sluice_batcher_messages_returned_total"


def events(producer: Child) -> tuple[float, float]:
    """Events received; sent, filtered, dead-lettered and buffered."""

    def of(name: str) -> float:
        return producer.metric(f"sluice_producer_{name}")

    fates = ("events_sent_total", "events_filtered_total", "events_dead_lettered_total")
    return of("events_received_total"), sum(map(of, fates)) + of("buffered_events")


def messages(batcher: Child) -> tuple[float, float]:
    """Messages received for the first time; deleted, returned (lost leases among them) and held."""

    def of(name: str) -> float:
        return batcher.metric(f"sluice_batcher_{name}")

    received = of("messages_received_total") - of("messages_redelivered_total")
    return received, of("messages_deleted_total") + batcher.metric(_RETURNED) + of("held_messages")


def holds(child: Child) -> None:
    """Waits until the account of a service balances: a scrape is no snapshot, and receipts are told each second."""
    account = events if child.name == "producer" else messages

    def balanced() -> bool:
        came, went = account(child)
        return came == went and came > 0

    until(
        balanced,
        f"a balanced account of the {child.name}",
        deadline=15,
        seen=lambda: str(account(child)),
    )
