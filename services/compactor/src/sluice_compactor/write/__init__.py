"""Data files, and the one way in which a snapshot is committed."""
