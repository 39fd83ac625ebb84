"""Kernels compiled for the processor at hand; `models.engine` chooses between them and `models.plain`."""
