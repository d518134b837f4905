"""Functions of tensors that become graphs when they are called often."""

import collections
import functools
from collections.abc import Callable
from typing import Any

from tfstargan.backend import tf

EAGER_CALLS = 3  # of each shape; tracing takes as long as about eight of them
MOST_GRAPHS = 8  # of different shapes; the one not used for longest is dropped


class Compiled:
    """A function of tensors, run as a graph from the fourth call of a shape on.

    So a single image is translated without a graph, and a folder with one. Both run the
    same operations and give the same numbers.

    Args:
        function: of tensors, or nested structures of them, to tensors.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        # Of each shape, the graph; the number of calls before there is one.
        self.graphs: collections.OrderedDict[tuple, Any] = collections.OrderedDict()
        self.calls: collections.Counter[tuple] = collections.Counter()

    def __call__(self, *inputs: Any) -> Any:
        """The function's result; inputs are arrays or tensors."""
        leaves = tf.nest.flatten(inputs)
        shapes = tuple(tuple(x.shape) for x in leaves if x is not None)
        if shapes not in self.graphs:
            self.calls[shapes] += 1
            if self.calls[shapes] <= EAGER_CALLS:
                return self.function(*inputs)
            del self.calls[shapes]
            # TensorFlow would warn of a function that has many graphs, also those of
            # other objects. A partial is a function of its own.
            self.graphs[shapes] = tf.function(functools.partial(self.function))
            if len(self.graphs) > MOST_GRAPHS:
                self.graphs.popitem(last=False)
        self.graphs.move_to_end(shapes)
        return self.graphs[shapes](*inputs)
