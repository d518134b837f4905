"""Adam as in the reference; Keras' own differs in two ways (see `Adam`)."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tfstargan")
class Adam(keras.optimizers.Optimizer):
    """Adam with L2 weight decay in the gradient and epsilon outside the corrected root.

    With `g = gradient + weight_decay * value`, `m` and `v` the running means of `g` and
    `g ** 2`: `value -= learning_rate * m_hat / (sqrt(v_hat) + epsilon)`; Kingma and Ba,
    arXiv:1412.6980, algorithm 1. Keras' Adam decouples weight decay from the gradient
    (AdamW) and adds epsilon to the uncorrected root. A parameter without a gradient is
    not changed, not even by its decay.

    Args:
        learning_rate: step size.
        beta1: decay of the mean; 0 in StarGAN v2.
        beta2: decay of the mean square.
        epsilon: keeps the quotient finite.
        l2: weight decay, added to the gradient (Keras' `weight_decay` is decoupled).
    """

    def __init__(
        self,
        learning_rate: float = 1e-4,
        beta1: float = 0.0,
        beta2: float = 0.99,
        epsilon: float = 1e-8,
        l2: float = 1e-4,
        name: str = "adam",
        **kwargs: Any,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.l2 = l2

    def build(self, variables: list[Any]) -> None:
        if self.built:
            return
        super().build(variables)
        self.means, self.squares = self.add_optimizer_variables(
            variables, ["mean", "square"]
        )

    def apply(self, grads: list[Any], trainable_variables: Any = None) -> None:
        """Update all variables; the corrections of the step are computed once."""
        step = tf.cast(self.iterations + 1, tf.float32)
        self._beta1_power = tf.constant(self.beta1, tf.float32) ** step
        self._beta2_power = tf.constant(self.beta2, tf.float32) ** step
        self._root = tf.sqrt(1 - self._beta2_power)
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable; all replicas have the same, already summed gradient."""
        index = self._get_variable_index(variable)
        # TensorFlow's kernel multiplies the rate by sqrt(1 - beta2^t) / (1 - beta1^t)
        # and adds epsilon to the uncorrected root. Epsilon * sqrt(1 - beta2^t) there
        # equals epsilon added to the corrected root.
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self.means[index].value.handle,
            v=self.squares[index].value.handle,
            beta1_power=tf.cast(self._beta1_power, variable.dtype),
            beta2_power=tf.cast(self._beta2_power, variable.dtype),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.constant(self.beta1, variable.dtype),
            beta2=tf.constant(self.beta2, variable.dtype),
            epsilon=tf.cast(self.epsilon * self._root, variable.dtype),
            grad=gradient + self.l2 * variable,
        )

    def get_config(self) -> dict:
        return super().get_config() | {
            "beta1": self.beta1,
            "beta2": self.beta2,
            "epsilon": self.epsilon,
            "l2": self.l2,
        }
