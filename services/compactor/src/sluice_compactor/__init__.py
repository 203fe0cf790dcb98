"""The compactor: raw objects into one Apache Iceberg table that holds each event exactly once."""
