"""Checks of exported models against Keras: equality, quality, and the report."""
