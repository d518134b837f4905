"""Functions of tensors that become graphs when they are called often."""

import collections
from collections.abc import Callable
from typing import Any

import tensorflow as tf

EAGER_CALLS = 3  # of each shape; tracing takes as long as about eight of them


class Compiled:
    """A function of tensors, run as a graph from the fourth call of a shape on.

    So a single image is translated without a graph, and a folder with one. Both run the
    same operations and give the same numbers.

    Args:
        function: of tensors, or nested structures of them, to tensors.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self.graph = tf.function(function)
        self.calls: collections.Counter[tuple] = collections.Counter()

    def __call__(self, *inputs: Any) -> Any:
        """The function's result; inputs are arrays or tensors."""
        leaves = tf.nest.flatten(inputs)
        shapes = tuple(tuple(x.shape) for x in leaves if x is not None)
        self.calls[shapes] += 1
        eager = self.calls[shapes] <= EAGER_CALLS
        return (self.function if eager else self.graph)(*inputs)
