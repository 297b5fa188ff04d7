"""Static pages: of a study, of the core study's figures, of one decision; charts and their parts.

Every page is one self-contained file. One more section is a function that `study` or `published`
calls; its table comes from `report/tables/`.
"""
