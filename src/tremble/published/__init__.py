"""The figures of Shapira et al. (2026, arXiv:2603.17218v2, CC BY 4.0), recounted, and its pairs.

`figures` reads them, `sweep` recounts the wins, `recount`, `text_claims` and `other_claims` hold
each printed figure against a recount, `points` lays a study beside them; `pairs` and `cutoffs` say
what is published of models. One more fact is a row.
"""
