"""A stub of SQS, S3 and an SSE source on loopback, made to cost little: one process, one thread, all in memory.

What it answers is prepared when data is loaded, so that its own time is no part of a contender's figure. It is
no emulator: it knows the calls that contenders make, and what they rely on (batches of ten, leases, conditional
writes, MD5s).
"""
