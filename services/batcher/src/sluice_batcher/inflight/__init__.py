"""What is held between its receive and its delete."""
