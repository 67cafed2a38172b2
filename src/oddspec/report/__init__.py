"""report.html: one page that says what was read, what was done and what was found."""

from oddspec.report.page import write_report
from oddspec.report.result import DetectionResult, TruthComparison

__all__ = ["DetectionResult", "TruthComparison", "write_report"]
