"""Measures of translations: distances between sets of pictures, and exact factors."""
