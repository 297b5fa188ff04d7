"""A study's folder: Parquet parts that are complete or absent, manifests last, the record of a run.

`study_folder` knows the folder, `job_folder` one job in it, `schemas` the columns, `files` how a
file is written whole or not at all, `provenance` names and digests.
"""
