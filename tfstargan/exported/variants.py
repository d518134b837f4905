"""Names of an exported model's variants: how its numbers are stored and computed.

float32    as trained
float16    weights in half the bytes; computed in float
dynamic    8-bit weights, 8-bit arithmetic: every input is rounded by its own range
mixed      as dynamic, but float arithmetic (with 8-bit weights) where channels are few,
           in the generator's first and last layer above all, and for styles
weights4   4-bit weights in the widest layers, 8-bit in the others; float arithmetic
int8       the generator's convolutions in 8 bits by ranges found beforehand on images,
           for chips that compute in nothing else; the rest as mixed
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
