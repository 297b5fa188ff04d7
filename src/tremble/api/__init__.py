"""What notebooks and commands call: demo, single prompts, checks, plan, results, export.

One more thing to offer is a function here; the commands stay thin.
"""
