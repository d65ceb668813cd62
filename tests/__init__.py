"""The tests: their tree mirrors the source, their names are sentences."""
