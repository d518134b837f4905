"""StarGAN v2 as a Keras model: four losses, four updates, averages, diversity decay.

Choi et al., arXiv:1912.01865, section 2.2, trained as the authors' code does. One
training step is four updates in a fixed order, each seeing the weights that the one
before it left; then the averaged copies of generator, mapping network and style encoder
follow. With w_hpf > 0 the model owns a frozen landmark network for the generator's
masks. Works in one replica or many: a batch is split over the replicas and the weights
move as if it were whole, since no layer looks across images.
"""

from typing import Any

import keras

from tfstargan.config import Config
from tfstargan.networks.encoders import Discriminator, StyleEncoder
from tfstargan.networks.fan import FAN
from tfstargan.networks.generator import Generator
from tfstargan.networks.light_generator import LightGenerator
from tfstargan.networks.mapping_network import MappingNetwork

NETWORKS = ("generator", "mapping_network", "style_encoder", "discriminator")


AVERAGED = ("generator", "mapping_network", "style_encoder")


# Those that --precision concerns. The discriminator is not among them: R1 squares its
# gradient, and real and fake images must meet the same rounding. Nor is the mapping
# network, which costs nothing.
MIXED = ("generator", "style_encoder")


def translating(config: Config) -> tuple[str, ...]:
    """Return the networks needed to translate: the averaged, and FAN for its masks."""
    return (*AVERAGED, "fan") if config.w_hpf else AVERAGED


def build_networks(
    config: Config, names: tuple[str, ...], training: bool = False
) -> dict[str, keras.Model]:
    """Return freshly initialized networks, the only place that sizes them.

    Args:
        config: its `domains` must be known.
        names: of NETWORKS, or "fan", whose weights come from elsewhere.
        training: whether `precision` (of the networks of MIXED; variables, norms and
            outputs are float32 in any case) and `recompute` count.
    """
    sizes = {
        "img_size": config.img_size,
        "channel_base": config.channel_base,
        "channel_max": config.channel_max,
    }
    num_domains, style_dim = len(config.domains), config.style_dim
    image, label = (None, config.img_size, config.img_size, 3), (None,)
    makers: dict[str, tuple[Any, ...]] = {
        "generator": (
            lambda: _make_generator(
                config, recompute=training and config.recompute, **sizes
            ),
            image,
            (None, style_dim),
        ),
        "mapping_network": (
            lambda: MappingNetwork(
                num_domains, config.latent_dim, style_dim, config.hidden_dim
            ),
            (None, config.latent_dim),
            label,
        ),
        "style_encoder": (
            lambda: StyleEncoder(num_domains=num_domains, style_dim=style_dim, **sizes),
            image,
            label,
        ),
        "discriminator": (
            lambda: Discriminator(num_domains=num_domains, **sizes),
            image,
            label,
        ),
        "fan": (FAN, image),
    }
    networks = {}
    policy = keras.config.dtype_policy()
    try:
        for name in names:
            mixed = training and name in MIXED
            keras.config.set_dtype_policy(config.precision if mixed else "float32")
            make, *shapes = makers[name]
            networks[name] = make()
            networks[name].build(*shapes)
    finally:
        keras.config.set_dtype_policy(policy)
    return networks


def _make_generator(config: Config, **sizes: Any) -> Generator:
    make: type[Generator] = Generator
    if config.generator == "light":
        make = LightGenerator
        for name in ("channel_base", "channel_max"):
            sizes[name] = max(1, int(config.light_width * sizes[name]))
    return make(style_dim=config.style_dim, w_hpf=config.w_hpf, **sizes)
