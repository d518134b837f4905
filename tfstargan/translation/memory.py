"""A bound on the memory of translating large images."""

import math

from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.images.fitting import MULTIPLE, Fit, Size, whole

# Of each pixel and each channel at full size, by kind of generator: how much a process
# grew, measured with 64 channels (29 to 36, and 12).
BYTES = {"full": 36, "light": 12}
MOST = 4 << 30  # bytes


def needed(config: Config, canvas: Size) -> int:
    """The approximate number of bytes that translating a canvas takes."""
    channels = config.channel_base // config.largest_map
    numbers = channels * math.prod(canvas) // config.patch_size**2
    return BYTES[config.generator] * numbers


def require(config: Config, fit: Fit, name: str) -> None:
    """Raise a UserError if a canvas, larger than the training's, needs too much memory.

    Args:
        config: of the run.
        fit: the place on the canvas.
        name: of the image, for the message.
    """
    amount = needed(config, fit.canvas)
    if amount <= MOST or max(fit.canvas) <= config.img_size:
        return
    smaller = range(min(fit.scaled) // MULTIPLE * MULTIPLE, 0, -MULTIPLE)
    image = fit.box[2], fit.box[3]
    fits = (s for s in smaller if needed(config, whole(image, s).canvas) <= MOST)
    size = next(fits, 0)
    width, height = fit.canvas
    raise UserError(
        f"--fit=whole: {name} would be translated at {width} x {height}, which takes "
        f"about {amount / 2**30:.1f} GiB, more than {MOST >> 30}; use "
        f"--{f'size={size}' if size else 'fit=crop'}"
    )
