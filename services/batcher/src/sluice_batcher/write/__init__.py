"""Columns to objects in S3: partitions, formats, the user's hook, the flush."""
