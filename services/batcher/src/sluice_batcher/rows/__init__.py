"""Bytes to columns: events parsed, converted, and put into tables."""
