"""Optimizer steps, and the weight averages that follow them.

All networks of an update make a step, or none if a number is not finite. It works with
one replica and with several: gradients are summed over the replicas, and a number that
is not finite in one replica counts for all.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

Gradients = dict[str, list[Any]]  # of each network's trainable variables
Optimizers = Mapping[str, keras.optimizers.Optimizer]


def loss_scale(optimizer: keras.optimizers.Optimizer) -> Any:
    """Factor that keeps float16 gradients from rounding to zero; None if unused."""
    if isinstance(optimizer, LossScaleOptimizer):
        return tf.convert_to_tensor(optimizer.dynamic_scale.value)
    return None


def mean_over_parts(function: Callable[..., Any], inputs: Any, count: int) -> Any:
    """Mean of a function's results over equal parts of its inputs, to save memory.

    The parts are computed one after the other. If the function is a mean over examples,
    or the gradient of one, the result is that for all examples at once.

    Args:
        function: called with a part of each of `inputs`.
        inputs: a tuple of nested tensors [B, ...].
        count: number of parts; must divide B.
    """
    parts = tf.nest.map_structure(
        lambda x: tf.reshape(x, (count, -1, *x.shape[1:])), inputs
    )

    def of_part(i: Any) -> Any:
        return function(*tf.nest.map_structure(lambda x: x[i], parts))

    def add_part(i: Any, sums: Any) -> tuple[Any, Any]:
        return i + 1, tf.nest.map_structure(tf.add, sums, of_part(i))

    _, sums = tf.while_loop(
        lambda i, _: i < count, add_part, (1, of_part(0)), parallel_iterations=1
    )
    return tf.nest.map_structure(lambda x: x / count, sums)


def apply(
    gradients: Gradients, loss: Any, optimizers: Optimizers, variables: Gradients
) -> dict[str, Any]:
    """Make a step with all optimizers, or with none if a number is not finite.

    Args:
        gradients: of an update's networks, to be summed over the replicas.
        loss: of the update, in this replica.
        optimizers: by network; others may be among them.
        variables: those that the gradients belong to, by network.

    Returns:
        {network: 1 if its gradient or the loss was not finite in a replica, else 0},
        the same in all replicas. A gradient that is only too large for float16 gives 0:
        its optimizer lowers the loss scale instead.
    """
    # Adam keeps squares: one that overflows would stay in its mean.
    sums = [tf.add_n([tf.nn.l2_loss(g) for g in x]) for x in gradients.values()]
    numbers = tf.stack([loss, *sums])
    bad = tf.cast(~tf.math.is_finite(numbers), tf.float32)
    context = tf.distribute.get_replica_context()
    bad = tf.minimum(context.all_reduce("SUM", bad), 1.0)
    finite = tf.reduce_sum(bad) == 0
    if isinstance(optimizers[next(iter(gradients))], LossScaleOptimizer):
        # It lowers its scale if a gradient is not finite, but checks only its own
        # network in the first replica: pass on what any of them has.
        for name, values in gradients.items():
            scale = tf.where(finite, optimizers[name].dynamic_scale.value, math.nan)
            values = [value * scale for value in values]
            optimizers[name].apply(values, variables[name])
        return dict.fromkeys(gradients, bad[0])
    _apply_if(finite, gradients, optimizers, variables)
    return {
        name: tf.maximum(bad[0], of_network)
        for name, of_network in zip(gradients, tf.unstack(bad[1:]), strict=True)
    }


def _apply_if(
    finite: Any, gradients: Gradients, optimizers: Optimizers, variables: Gradients
) -> None:
    # `finite` is the same in all replicas.

    def apply(gradients: Gradients) -> None:
        for name, values in gradients.items():
            optimizers[name].apply(values, variables[name])

    def apply_everywhere(strategy: Any, finite: Any, gradients: Any) -> None:
        first = strategy.experimental_local_results(finite)[0]
        each = strategy.extended.call_for_each_replica
        tf.cond(first, lambda: each(apply, args=(gradients,)), lambda: None)

    if tf.__internal__.distribute.strategy_supports_no_merge_call():
        tf.cond(finite, lambda: apply(gradients), lambda: None)
    else:
        # All replicas must take a branch that synchronizes them.
        context = tf.distribute.get_replica_context()
        context.merge_call(apply_everywhere, args=(finite, gradients))


def move_average(average: keras.Model, network: keras.Model, decay: float) -> None:
    """Move averaged weights towards a network's: `a += (1 - decay) * (w - a)`."""
    # A step from the average; `decay * a + (1 - decay) * w` drifts in float32.
    for old, weight in zip(average.weights, network.weights, strict=True):
        old.assign_add((1.0 - decay) * (weight - old))
