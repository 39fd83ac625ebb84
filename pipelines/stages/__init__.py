"""The arrows of the lake: each stage reads partitions, calls `models`, and hands frames to the gates."""
