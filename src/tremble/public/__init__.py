"""What `import tremble as tr` offers: decisions, a check, scores, studies and their results.

The objects are thin: `api/`, `study/` and `report/` do the work, for them as for the commands.
Nothing here prints; the names themselves are listed in the package's own `__init__`.
"""
