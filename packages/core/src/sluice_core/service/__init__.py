"""How a process lives: threads, time, stop and deadline, retries, health, logs."""
