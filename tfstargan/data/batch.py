"""The batch of one iteration."""

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """The batch of one iteration; images are float32 in [-1, 1].

    It has sources with their domains, two references of each target domain, and two
    latents.
    """

    x_src: Any  # [B, H, W, 3]
    y_src: Any  # [B] int32
    x_ref: Any  # [B, H, W, 3], of domain y_trg
    x_ref2: Any  # [B, H, W, 3], of domain y_trg
    y_trg: Any  # [B] int32
    z: Any  # [B, latent_dim]
    z2: Any  # [B, latent_dim]
