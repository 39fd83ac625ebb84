"""The warehouse: what is published from the lake, and how it is read."""
