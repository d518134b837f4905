"""The name before version 0.2 of `tfstargan.translation.translator`; it goes in 0.3."""

import warnings
from typing import Any

import numpy as np

from tfstargan.translation import translator

warnings.warn(
    "tfstargan.translator is now tfstargan.Translator, and its translate(sources, "
    "styles) is apply_styles(sources, styles)",
    DeprecationWarning,
    stacklevel=2,
)


class Translator(translator.Translator):
    """`tfstargan.Translator`, whose `translate` takes arrays of style codes, too."""

    def translate(self, source: Any, domain: Any, **settings: Any) -> Any:
        """What `apply_styles` returns where style codes stand in for the domain."""
        if isinstance(domain, np.ndarray):
            return self.apply_styles(source, domain)
        return super().translate(source, domain, **settings)
