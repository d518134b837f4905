"""Keras' image operations on [B, H, W, C], whatever keras.json says.

Keras takes its default, which a user or another package may have set to channels first,
when an operation is called and when a layer is made. Layers get LAST.
"""

import functools

from keras import ops

LAST = {"data_format": "channels_last"}

affine_transform = functools.partial(ops.image.affine_transform, **LAST)
average_pool = functools.partial(ops.average_pool, **LAST)
conv = functools.partial(ops.conv, **LAST)
conv_transpose = functools.partial(ops.conv_transpose, **LAST)
depth_to_space = functools.partial(ops.depth_to_space, **LAST)
depthwise_conv = functools.partial(ops.depthwise_conv, **LAST)
space_to_depth = functools.partial(ops.space_to_depth, **LAST)
resize = functools.partial(ops.image.resize, **LAST)
