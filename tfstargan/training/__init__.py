"""Training: the model with its losses and updates, the loop around it, distillation."""
