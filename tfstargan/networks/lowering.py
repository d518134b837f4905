"""`Lowered`: layers whose operations can be computed in more than one way.

A machine may be slow, or inexact, at an operation that another one is good at. The
argument `lowering` of a layer selects an equivalent form for it. All forms give the
same values but for rounding, and have the same weights: a lowering is chosen when a
network is built for a machine, and is no part of a run or of its checkpoints.
"""

from typing import Any

import keras

# None: the operations of TensorFlow, which suit GPUs and TensorFlow on a CPU.
# "xla_cpu": XLA on a CPU is slow at transposed and at depthwise convolutions.
# "litert": LiteRT is slow at transposed convolutions, sums one number after the other,
#     and can't quantize batches of matrix products.
# "litert_pairs": the same, and wide convolutions take rows in pairs: faster in float32
#     on processors; 8-bit arithmetic and GPUs gain nothing from it.
LITERT = ("litert", "litert_pairs")
LOWERINGS = (None, "xla_cpu", *LITERT)


class Lowered(keras.layers.Layer):
    """A layer that can be computed in one of LOWERINGS.

    Args:
        lowering: how operations are computed; one of LOWERINGS.
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
        """Arguments that the layers inside this one share with it."""
        return {"dtype": self.dtype_policy, "lowering": self.lowering}

    def get_config(self) -> dict:
        return super().get_config() | {"lowering": self.lowering}
