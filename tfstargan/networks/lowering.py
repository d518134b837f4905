"""`Lowered`: layers whose operations can be computed in more than one way.

An operation that is fast and exact on one machine may be slow or inexact on another.
The argument `lowering` of a layer selects an equivalent form. All forms have the same
weights and give the same values except for rounding. A lowering is chosen when a
network is built for a machine; runs and checkpoints do not depend on it.
"""

from typing import Any

import keras

# None: the operations of TensorFlow, which suit GPUs and TensorFlow on a CPU.
# "xla_cpu": XLA on a CPU is slow at transposed and at depthwise convolutions.
# "litert": LiteRT is slow at transposed convolutions, sums one number after the other,
#     and can't quantize batches of matrix products.
# "litert_pairs": as "litert", and wide convolutions take rows in pairs. This is faster
#     in float32 on CPUs, but not in 8-bit arithmetic or on GPUs.
LITERT = ("litert", "litert_pairs")
LOWERINGS = (None, "xla_cpu", *LITERT)


class Lowered(keras.layers.Layer):
    """A layer that can be computed in one of LOWERINGS.

    Args:
        lowering: the form of its operations, one of LOWERINGS.
        **kwargs: those of `keras.layers.Layer`.

    Raises:
        ValueError: if `lowering` is unknown.
    """

    def __init__(self, lowering: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if lowering not in LOWERINGS:
            raise ValueError(
                f"lowering must be one of {', '.join(map(repr, LOWERINGS))}, "
                f"got {lowering!r}"
            )
        self.lowering = lowering

    def inherited(self) -> dict[str, Any]:
        """The arguments to pass to the layers inside this one."""
        return {"dtype": self.dtype_policy, "lowering": self.lowering}

    def get_config(self) -> dict:
        return super().get_config() | {"lowering": self.lowering}
