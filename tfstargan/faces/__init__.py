"""Faces: landmarks to an aligned cut-out."""

# Least mean height of the heatmaps' maxima, about 1 where FAN is sure. Every face that
# the masks could use at all (their threshold is 0.1) is above it.
MIN_PEAK = 0.3
