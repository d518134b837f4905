"""LiteRT files: their content, variants, speed and size."""

import warnings
from typing import Any

from tfstargan.exported import runtime


def __getattr__(name: str) -> Any:
    """The former name of `tfstargan.exported.runtime.load`; removed in version 0.3."""
    if name != "load":
        raise AttributeError(f"module 'export.litert' has no attribute {name!r}")
    warnings.warn(
        "export.litert.load is now tfstargan.exported.runtime.load",
        DeprecationWarning,
        stacklevel=2,
    )
    return runtime.load
