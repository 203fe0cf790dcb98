"""What is stored: keys, the reader, the account of what arrived."""
