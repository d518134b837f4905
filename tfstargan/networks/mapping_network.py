"""StarGAN v2's mapping network, which makes style codes from latents.

Choi et al., arXiv:1912.01865, section 2 and appendix, with the widths of the authors'
code.
"""

from typing import Any

import keras
from keras import ops

from tfstargan.networks.layers import DomainDense, Shape, he_normal, pick_domain
from tfstargan.networks.lowering import Lowered

SHARED_LAYERS = 4  # followed by as many per domain


@keras.saving.register_keras_serializable("tfstargan")
class MappingNetwork(Lowered, keras.Model):
    """Style codes of latents in a domain, `F_y(z)`.

    Latents [B, latent_dim] ~ N(0, I) and domains, int [B], to style codes
    [B, style_dim]. Four shared layers, then four for each domain.

    Args:
        num_domains: K.
        latent_dim: length of a latent.
        style_dim: length of a style code.
        hidden_dim: width of the hidden layers.
        **kwargs: those of `Lowered`, passed to all layers.
    """

    def __init__(
        self,
        num_domains: int,
        latent_dim: int = 16,
        style_dim: int = 64,
        hidden_dim: int = 512,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.num_domains = num_domains
        self.latent_dim = latent_dim
        self.style_dim = style_dim
        self.hidden_dim = hidden_dim
        inputs = [latent_dim] + [hidden_dim] * (SHARED_LAYERS - 1)
        self.shared = [
            keras.layers.Dense(
                hidden_dim,
                activation="relu",
                kernel_initializer=he_normal(n),
                dtype=self.dtype_policy,
            )
            for n in inputs
        ]
        widths = [hidden_dim, hidden_dim, hidden_dim, style_dim]
        self.unshared = [
            DomainDense(n, num_domains, **self.inherited()) for n in widths
        ]

    def build(self, z_shape: Shape, y_shape: Shape) -> None:
        channels = self.latent_dim
        for layer in [*self.shared, *self.unshared]:
            layer.build((None, channels))
            channels = layer.units

    def call(self, z: Any, y: Any) -> Any:
        return pick_domain(self.all_domains(z), y)

    def all_domains(self, z: Any) -> Any:
        """Style codes of latents in every domain, [B, K, style_dim]."""
        h = z
        for layer in self.shared:
            h = layer(h)
        h = ops.expand_dims(h, 1)  # [B, 1, hidden_dim], then [B, K, ...]
        for layer in self.unshared[:-1]:
            h = ops.relu(layer(h))
        return self.unshared[-1](h)

    def get_config(self) -> dict:
        return super().get_config() | {
            "num_domains": self.num_domains,
            "latent_dim": self.latent_dim,
            "style_dim": self.style_dim,
            "hidden_dim": self.hidden_dim,
        }
