"""Thin Dagster assets, checks and schedules: one folder a stage of the warehouse, no logic."""
