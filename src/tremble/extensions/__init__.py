"""What other installed packages add, through entry points.

`entries` lists them by name and runs none of their code; `extensions` loads one when it is used and
says in a sentence why another cannot be; `digest` is a hash of the files of its package.
"""
