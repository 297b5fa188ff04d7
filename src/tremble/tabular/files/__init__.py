"""Formats of tables, a module for each: CSV and its kin, spreadsheets, SPSS and Stata, Parquet,
JSON, data frames. Each gives the same: names of columns, and cells as texts."""
