"""Where objects are: a bucket, or a folder on this machine."""
