"""The lake's table: its libraries are the compactor's, and are loaded only by who asks for the table."""
