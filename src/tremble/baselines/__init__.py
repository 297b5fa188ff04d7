"""Predictions of what people do that need no language model, one module each.

Those with parameters are fitted without the person, game or problem they predict. One more is a
file with one function and a line in `BASELINES` (`base.py`).
"""
