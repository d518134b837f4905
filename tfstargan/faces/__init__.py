"""Faces: landmarks to an aligned cut-out."""
