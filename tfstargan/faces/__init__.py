"""Faces: landmarks and aligned crops."""

# Least mean of the heatmaps' maxima, which is about 1 where FAN is certain. Every face
# that the masks can use (their threshold is 0.1) is above it.
MIN_PEAK = 0.3
