"""LiteRT files: their inside, variants, cost."""
