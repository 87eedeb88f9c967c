"""Classifies a great many pictures into Parquet: `vitrine bulk`."""
