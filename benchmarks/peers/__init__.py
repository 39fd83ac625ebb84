"""The numerics beside every peer that can be had: how fast, how accurate, and what each does where no answer exists."""
