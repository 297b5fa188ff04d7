"""The project's scripts, as modules."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from tests.support.places import ROOT

SCRIPTS = ROOT / "scripts"


def script(name: str) -> ModuleType:
    """scripts/`name`.py; scripts import one another by their bare names."""
    if str(SCRIPTS) not in sys.path:
        sys.path.insert(0, str(SCRIPTS))
    return importlib.import_module(name)
