"""Event ids as hashes: which ones the table holds, and which must not come back."""
