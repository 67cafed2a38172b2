"""Tables, figures and the report of a study, made from its records alone."""

from oddspec.study.report.figures import FIGURES, figures
from oddspec.study.report.page import report
from oddspec.study.report.tables import TABLES, table

__all__ = ["FIGURES", "TABLES", "figures", "report", "table"]
