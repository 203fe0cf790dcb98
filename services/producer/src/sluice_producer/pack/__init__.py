"""Events to messages: judged, identified, packed, encoded."""
