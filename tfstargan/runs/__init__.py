"""Run directories: settings, checkpoints, provenance.

Opening a run needs no TensorFlow; loading its networks does.
"""
