"""Evaluation of a run: FID, KID, LPIPS, pairs, and the probe of drawn animals."""

import tfstargan.backend  # noqa: F401 - before Keras
