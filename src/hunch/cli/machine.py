"""`hunch info`: what is installed, and what this machine can do."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import hunch
from hunch.cli import screen

PACKAGES = ("torch", "numpy", "scipy", "pandas", "altair")


def show(*, json: bool) -> int:
    """`hunch info`."""
    facts = gather()
    if json:
        screen.emit(facts)
        return 0
    console = screen.answer()
    native, engine = facts["native"], facts["engine"]
    screen.item(console, "hunch", f"{facts['hunch']} ({facts['folder']})")
    screen.item(console, "python", facts["python"])
    for name, number in facts["packages"].items():
        screen.item(console, name, number or "not installed")
    screen.item(console, "engine", f"{engine['name']} ({engine['detail']})")
    screen.item(console, "compiled", native["level"] or f"no: {native['absent']}")
    screen.item(console, "cores", f"{facts['cores']} ({facts['machine']})")
    return 0


def gather() -> dict[str, Any]:
    """Versions, the engine that would train, the compiled part's instruction set, cores."""
    from hunch.engine import LoopEngine, NativeEngine
    from hunch.engine.native_extension import native_absence, native_module

    native = native_module()
    engine = NativeEngine() if native else LoopEngine()
    return {
        "hunch": hunch.__version__,
        "folder": str(hunch.__path__[0]),
        "python": platform.python_version(),
        "packages": {name: _installed(name) for name in PACKAGES},
        "engine": {"name": engine.name, "detail": engine.detail()},
        "native": {"level": native.level() if native else None, "absent": native_absence() or None},
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
