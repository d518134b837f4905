"""`build_networks`: the networks of a configuration, by name.

No other module derives sizes, dtypes or options of networks from the configuration.
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
# Networks that train in the configuration's `precision`. The discriminator trains in
# float32: R1 squares its gradient, and real and fake images must be rounded alike. So
# does the mapping network, which takes hardly any time.
MIXED = ("generator", "style_encoder")


def translating(config: Config) -> tuple[str, ...]:
    """The names of the networks that translate: AVERAGED and, with masks, "fan"."""
    return (*AVERAGED, "fan") if config.w_hpf else AVERAGED


def build_networks(
    config: Config,
    names: tuple[str, ...],
    training: bool = False,
    lowering: str | None = None,
) -> dict[str, keras.Model]:
    """The networks of a configuration, built and freshly initialized.

    They compute in float32 whatever Keras' global dtype policy is, unless `training`.

    Args:
        config: the settings; `domains` must be set.
        names: of NETWORKS, or "fan", whose weights come from a file of the authors.
        training: whether to apply `config.recompute`, and `config.precision` to the
            networks of MIXED, whose variables, norms and outputs are always float32.
        lowering: the form of the operations; see `networks.lowering`.

    Returns:
        {name: network}.

    Raises:
        ValueError: if `lowering` is unknown.
    """
    networks = {}
    for name in names:
        mixed = training and name in MIXED
        dtype = config.precision if mixed else "float32"
        networks[name] = _make(name, config, training, dtype=dtype, lowering=lowering)
        networks[name].build(*_input_shapes(name, config))
    return networks


def _make(name: str, config: Config, training: bool, **shared: Any) -> keras.Model:
    num_domains, style_dim = len(config.domains), config.style_dim
    img_size = config.img_size
    channels = (config.channel_base, config.channel_max, config.patch_size)
    match name:
        case "generator":
            return _make_generator(config, training, **shared)
        case "mapping_network":
            latent_dim, hidden_dim = config.latent_dim, config.hidden_dim
            return MappingNetwork(
                num_domains, latent_dim, style_dim, hidden_dim, **shared
            )
        case "style_encoder":
            return StyleEncoder(img_size, num_domains, style_dim, *channels, **shared)
        case "discriminator":
            return Discriminator(img_size, num_domains, *channels, **shared)
        case "fan":
            return FAN(**shared)
    raise ValueError(f"no network is called {name!r}")


def _make_generator(config: Config, training: bool, **shared: Any) -> Generator:
    make: type[Generator] = Generator
    width = 1.0
    if config.generator == "light":
        make, width = LightGenerator, config.light_width
    return make(
        img_size=config.img_size,
        style_dim=config.style_dim,
        channel_base=max(1, int(width * config.channel_base)),
        channel_max=max(1, int(width * config.channel_max)),
        w_hpf=config.w_hpf,
        recompute=training and config.recompute,
        patch_size=config.patch_size,
        residual=config.residual,
        **shared,
    )


def _input_shapes(name: str, config: Config) -> list[tuple[int | None, ...]]:
    image: tuple[int | None, ...] = (None, config.img_size, config.img_size, 3)
    return {
        "generator": [image, (None, config.style_dim)],
        "mapping_network": [(None, config.latent_dim), (None,)],
        "style_encoder": [image, (None,)],
        "discriminator": [image, (None,)],
        "fan": [image],
    }[name]
