"""The networks: layers, blocks, and the one place that sizes them."""
