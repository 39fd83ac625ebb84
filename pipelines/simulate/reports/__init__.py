"""Reports of regulators, the clearing house and an exchange that agree with the sample market."""

from pipelines.simulate.reports.market import SimulatedReports, declared_exchange, simulate_reports, write_reports

__all__ = ["SimulatedReports", "declared_exchange", "simulate_reports", "write_reports"]
