"""The items of a held-out task, as a study's folder holds them beside what people did."""

from __future__ import annotations

import polars as pl

from tremble.disk.tables import read_table, table_bytes
from tremble.store.sealed import read_verified, write_named
from tremble.store.study_folder import Store


def write_items(store: Store, items: pl.DataFrame) -> str:
    """Writes the items; the name of their file, under which the record of the run has them."""
    return write_named(store.folder, "decisions", "task", table_bytes(items))


def items_of(store: Store) -> pl.DataFrame | None:
    """The items of the last run's task; None where it had none. Raises Damaged where their file is
    missing, or is not what was written."""
    name = store.read_run().get("task_items")
    return None if name is None else read_table(read_verified(store.folder, "decisions", name))
