"""report.html: one page that tells what was read, what was done and what was found."""

from oddspec.report.content import ReportContent, TruthContent
from oddspec.report.page import write_report

__all__ = ["ReportContent", "TruthContent", "write_report"]
