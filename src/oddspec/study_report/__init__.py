"""Tables, figures and the report of a study, made from its records alone."""

from oddspec.study_report.figures import FIGURES, figures
from oddspec.study_report.page import report
from oddspec.study_report.tables import TABLES, table

__all__ = ["FIGURES", "TABLES", "figures", "report", "table"]
