"""Run directories: settings, checkpoints, where they came from."""
