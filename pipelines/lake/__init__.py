"""The lake: immutable raw objects, versioned partitions, and the catalogue that makes them visible."""
