"""Raw objects: which there are, their rows in the types of the table."""
