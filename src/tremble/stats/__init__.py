"""Statistics over scored decisions: `frames/` (evidence), `metrics/`, `inference/`, `trajectory/`
(checkpoints), `tables/`, `verdict/`.

Each room imports only from those before it; `filters` has the rule of who wins. One more statistic
is a function in `metrics/` or `inference/`, and a table in `tables/` with an entry in its
module `further`.
"""
