"""The `sluice` command line: run, verify, read, dlq, check, generate, serve-events."""
