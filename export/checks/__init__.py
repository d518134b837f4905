"""Checks of exported models against Keras: equality, quality, and the report."""

import tfstargan.backend  # noqa: F401 - before Keras
