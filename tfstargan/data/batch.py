"""The batch of one iteration."""

from typing import Any, NamedTuple

NOISE = 32  # random numbers for each image that a discriminator sees
UPDATES = 4  # in an iteration
SHOWN = ("real", "fake")  # the images that an update shows it, of each example


class Batch(NamedTuple):
    """The batch of one iteration; images are float32 in [-1, 1].

    It has sources with their domains, two references of each target domain, and two
    latents. If the discriminator's images are augmented, it also has uniform random
    numbers in [0, 1) for that.
    """

    x_src: Any  # [B, H, W, 3]
    y_src: Any  # [B] int32
    x_ref: Any  # [B, H, W, 3], of domain y_trg
    x_ref2: Any  # [B, H, W, 3], of domain y_trg
    y_trg: Any  # [B] int32
    z: Any  # [B, latent_dim]
    z2: Any  # [B, latent_dim]
    noise: Any = ()  # [B, UPDATES, len(SHOWN), NOISE]
