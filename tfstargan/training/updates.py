"""Steps of the optimizers, and the averages that follow them.

A step is made by all of an update's networks, or by none if a number is not finite.
Everything works in one replica and in many: gradients are summed over the replicas, and
a number that is not finite in one of them counts in all.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras.optimizers import LossScaleOptimizer

Gradients = dict[str, list[Any]]  # of each network's trainable variables
Optimizers = dict[str, keras.optimizers.Optimizer]


def loss_scale(optimizer: keras.optimizers.Optimizer) -> Any:
    """Factor that keeps float16 gradients from rounding to zero; None without one."""
    if isinstance(optimizer, LossScaleOptimizer):
        return tf.convert_to_tensor(optimizer.dynamic_scale.value)
    return None


def mean_over_parts(function: Callable[..., Any], inputs: Any, count: int) -> Any:
    """Mean of a function's results over equal parts of its inputs, to save memory.

    The parts are computed one after the other. For a mean over examples, and for its
    gradients, this is the result for all examples at once.

    Args:
        function: of one part of `inputs`, in as many arguments.
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
    """Let the optimizers make a step: all, or none if a number is not finite.

    Args:
        gradients: of an update's networks, to be summed over the replicas.
        loss: the update's, in this replica.
        optimizers: of these networks, at least.
        variables: what each network's gradients are of.

    Returns:
        {network: 1 where its gradient, or the loss, was not finite in a replica, else
        0}, the same in all replicas. For a gradient that was only too large for float16
        it is 0: its optimizer deals with that, by a lower loss scale.
    """
    # Squares are what Adam keeps: one that overflows would stay in its mean.
    sums = [tf.add_n([tf.nn.l2_loss(g) for g in x]) for x in gradients.values()]
    numbers = tf.stack([loss, *sums])
    bad = tf.cast(~tf.math.is_finite(numbers), tf.float32)
    context = tf.distribute.get_replica_context()
    bad = tf.minimum(context.all_reduce("SUM", bad), 1.0)
    finite = tf.reduce_sum(bad) == 0
    if isinstance(optimizers[next(iter(gradients))], LossScaleOptimizer):
        # It lowers its scale if a gradient is not finite, but looks at those of the
        # first replica, for one network: show it what any of them has.
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
        # A branch that meets the other replicas must be taken by all at once.
        context = tf.distribute.get_replica_context()
        context.merge_call(apply_everywhere, args=(finite, gradients))


def move_average(average: keras.Model, network: keras.Model, decay: float) -> None:
    """Move averaged weights towards a network's: `a += (1 - decay) * (w - a)`."""
    # Written as a step from the average: in float32 the other way drifts.
    for old, weight in zip(average.weights, network.weights, strict=True):
        old.assign_add((1.0 - decay) * (weight - old))
