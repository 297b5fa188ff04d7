"""The templates of this folder, filled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jinja2


def render(
    template: str, filters: Mapping[str, Callable[..., Any]] | None = None, **values: Any
) -> str:
    """A template of this folder with `values`; every text is escaped. `filters` by their names."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tremble", "report/page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(template).render(**values)
