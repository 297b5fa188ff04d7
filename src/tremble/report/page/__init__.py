"""Static pages: of a study, of the figures of Shapira et al. (2026), of one decision; charts.

Every page is one self-contained file. One more section is a function that `study` or `published`
calls; its table comes from `report/tables/`.
"""
