"""Parquet, read by pyarrow in a process of its own: a hostile file may crash it or eat memory."""
