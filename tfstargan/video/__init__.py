"""Clips: reading frames, writing frames, and carrying the sound over, with PyAV."""
