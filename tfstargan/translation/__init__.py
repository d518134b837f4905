"""Translating with a trained run: styles, grids, folders, large collections."""
