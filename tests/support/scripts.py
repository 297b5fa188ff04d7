"""The project's scripts and benchmarks, as modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from tests.support.places import ROOT

SCRIPTS = ROOT / "scripts"


def script(name: str) -> ModuleType:
    """scripts/`name`.py; scripts import one another by their bare names."""
    if str(SCRIPTS) not in sys.path:
        sys.path.insert(0, str(SCRIPTS))
    return importlib.import_module(name)


def benchmark(name: str) -> ModuleType:
    """benchmarks/`name`.py."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made  # where data classes look for their module
    spec.loader.exec_module(made)
    return made
