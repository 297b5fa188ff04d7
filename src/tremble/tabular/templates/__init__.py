"""Prompts as templates over the columns of a table: checked before a row is read, run in a sandbox,
and rendered once for equal rows."""
