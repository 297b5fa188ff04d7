"""The base of a model that a source names with its provider and version."""

from __future__ import annotations

import re

# What names of one model differ in: the day or month of a version, its number, how it is served.
_VERSION = re.compile(r"(?:-v\d+|-\d{4}-\d\d-\d\d|-\d{4,8}|-maas|-latest|-preview)$")


def base_of_model(name: str) -> str:
    """A model's name without provider and version, by which siblings are known; sizes and
    generations stay.

    >>> base_of_model("vertex_ai/claude-3-5-sonnet-v2@20241022")
    'claude-3-5-sonnet'
    """
    base = name.rsplit("/", 1)[-1].split("@", 1)[0]
    while shorter := _VERSION.sub("", base):
        if shorter == base:
            return base
        base = shorter
    return base
