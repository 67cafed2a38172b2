"""Scene files: one reader per format, all behind `source.Source`; `open.open_source` picks one."""
