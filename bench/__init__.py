"""The harness: plans, trains, evaluates, tunes, times and reports; `bench.api` describes its functions.

Their modules take seconds to import, so each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import load_policy, load_results, run, time, tune, tune_rho
    from bench.cleaning import clean
    from bench.importing import import_checkpoint
    from bench.merging import merge
    from bench.planning import plan
    from bench.publishing import check_site, publish
    from bench.rendering import render
    from bench.reporting import report
    from bench.watching import watch
    from foundation.errors import UserError

# OpenMP threads that wait by spinning slow a small training step by fifty times as soon as another process wants
# a core; passive ones do not. It has to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_MODULES = {
    "bench.api": ("load_policy", "load_results", "run", "time", "tune", "tune_rho"),
    "bench.cleaning": ("clean",),
    "bench.importing": ("import_checkpoint",),
    "bench.merging": ("merge",),
    "bench.planning": ("plan",),
    "bench.rendering": ("render",),
    "bench.publishing": ("check_site", "publish"),
    "bench.reporting": ("report",),
    "bench.watching": ("watch",),
    "foundation.errors": ("UserError",),
}

__all__ = [
    "UserError",
    "check_site",
    "clean",
    "import_checkpoint",
    "load_policy",
    "load_results",
    "merge",
    "plan",
    "publish",
    "render",
    "report",
    "run",
    "time",
    "tune",
    "tune_rho",
    "watch",
]


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module 'bench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
