"""Training: the model with its losses and updates, the loop around it, distillation."""

import tfstargan.backend  # noqa: F401 - before Keras
