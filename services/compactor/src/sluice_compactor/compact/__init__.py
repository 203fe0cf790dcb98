"""One pass: partition by partition, raw objects into the table, and only then away with them."""
