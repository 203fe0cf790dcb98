"""What the table is: its columns, types, partitions and properties."""
