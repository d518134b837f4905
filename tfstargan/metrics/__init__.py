"""Measuring a run: FID, KID, LPIPS, and the probe of drawn animals."""

import tfstargan.backend  # noqa: F401 - before Keras
