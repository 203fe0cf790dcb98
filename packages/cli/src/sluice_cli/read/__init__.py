"""`sluice read`: rows for people, and into other files."""
