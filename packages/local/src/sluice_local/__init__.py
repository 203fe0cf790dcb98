"""What only a laptop needs: an embedded LocalStack, generated events, an SSE source, `sluice run`."""
