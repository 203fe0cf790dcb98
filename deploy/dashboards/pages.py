"""What stands on the dashboards: each panel answers a question that its description asks."""

from typing import Final

from batcher import BATCHER
from lake import LAKE
from overview import OVERVIEW
from producer import PRODUCER
from scaling import SCALING

PAGES: Final = (OVERVIEW, PRODUCER, BATCHER, SCALING, LAKE)
WITHOUT_A_PANEL: Final = {
    "sluice_producer_last_event_time_seconds": "the lag tells the same, as a duration",
    "sluice_producer_last_gap_timestamp_seconds": "an alert's; the gaps themselves have a panel",
    "sluice_producer_last_dead_letter_timestamp_seconds": "an alert's; the letters have a panel",
    "sluice_batcher_last_dead_letter_timestamp_seconds": "an alert's; the letters have a panel",
    "sluice_batcher_oldest_unwritten_message_age_seconds": "an alert's; what is held has a panel",
    "sluice_producer_heartbeats_sent_total": "what comes through has a panel",
}
"""Metrics that stand on no panel, and why."""
