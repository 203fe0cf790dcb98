"""What keeps the table small and quick, and what must stay deleted."""
