"""Which metadata file is the current one: catalogs, and commits that compare and swap."""
