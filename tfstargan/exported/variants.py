"""Names of an exported model's variants: how its numbers are stored and computed.

float32    as trained
float16    16-bit weights; arithmetic in float
dynamic    8-bit weights and 8-bit arithmetic; each input is scaled by its own range
mixed      as dynamic, but arithmetic in float (with 8-bit weights) in layers of few
           channels, such as the generator's first and last, and for styles
weights4   4-bit weights in the widest layers, 8-bit in the others; arithmetic in float
int8       the generator's convolutions in 8 bits, by ranges measured on images, for
           processors that compute in nothing else; the rest as in mixed
int16x8    the same with inputs of 16 bits
"""

VARIANTS = (
    "float32",
    "float16",
    "dynamic",
    "mixed",
    "weights4",
    "int8",
    "int16x8",
)
ALL = "all"
