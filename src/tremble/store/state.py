"""Which state of a study's folder something is of: a run changes it, unless it finds all done."""

from __future__ import annotations

import json

from tremble.store.sealed import digest_of
from tremble.store.study_folder import Store


def state_of(store: Store) -> str:
    """A digest of the record of the last run and of the names of its jobs' parts, which hold those
    of their content. Raises UserError where the folder is no study."""
    parts = [job.parts() for job in store.jobs(task=None)]
    return digest_of(json.dumps([store.read_run(), parts], sort_keys=True).encode())
