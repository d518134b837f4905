"""An estimate of the memory that training needs.

It counts weights, averages, moments and gradients, and the feature maps that the
largest update keeps for its gradient. It does not count TensorFlow's own memory or the
fragmentation of its buffers.
"""

from collections.abc import Iterator
from typing import Any

from tfstargan.config import Config
from tfstargan.networks.blocks import AdaINResidualBlock
from tfstargan.networks.build import NETWORKS
from tfstargan.training.stargan import StarGANv2

FLOAT = 4  # bytes
SMALL_BATCH = 8  # users report that smaller ones train badly on photographs
PHOTOGRAPH = 128  # side of the largest feature map; smaller ones are for experiments


def estimate(model: StarGANv2, replicas: int = 1) -> int:
    """The approximate number of bytes that training needs on each replica."""
    config = model.config
    images_at_once = config.batch_size // (replicas * config.accumulate)
    return FLOAT * (_weights(model) + images_at_once * _maps(model))


def advice(config: Config) -> str:
    """A warning if the batch is smaller than is known to train well; else empty."""
    if config.batch_size >= SMALL_BATCH or config.largest_map < PHOTOGRAPH:
        return ""
    return (
        f"warning: --batch_size={config.batch_size}: users report that fewer than "
        f"{SMALL_BATCH} train badly; to save memory, keep {SMALL_BATCH} and add "
        "--accumulate=2 (or more) or --recompute"
    )


def _weights(model: StarGANv2) -> int:
    """The count of numbers in weights, averages, two moments and gradients."""
    counts = {name: getattr(model, name).count_params() for name in NETWORKS}
    averages = sum(network.count_params() for network in model.averages.values())
    gradients = max(sum(counts[n] for n in names) for names in model.updates().values())
    return 3 * sum(counts.values()) + averages + gradients


def _maps(model: StarGANv2) -> int:
    """The count of numbers that the generator's update keeps for an image."""
    side, generator = model.config.largest_map, model.generator
    blocks = [*generator.encode, *generator.decode]
    blocks = list(_blocks(blocks, side >> generator.halvings))
    translation = sum(kept for _, kept in blocks)
    if model.config.recompute:  # only the inputs, and one block at a time
        translation = sum(size for size, _ in blocks)
        translation += max(kept for _, kept in blocks) // 2
    trunk = sum(kept for _, kept in _blocks(model.style_encoder.trunk.blocks, side))
    # Fake and reconstruction; style encoder of both images, and discriminator.
    return 2 * translation + 3 * trunk


def _blocks(blocks: list[Any], side: int) -> Iterator[tuple[int, int]]:
    """Yield the count of numbers in each block's input, and of those it keeps."""
    for block in blocks:
        size = block.channels * side**2
        if isinstance(block, AdaINResidualBlock):
            side *= 2 if block.upsample else 1
            # normalized and activated, twice, and the input for the shortcut
            yield size, 3 * size + 2 * block.filters * side**2
        else:
            # as much, the second time of a quarter; the pooled map. No norms: half.
            half = size + (5 * size // 4 if block.downsample else size)
            norms = size + size // 4 if block.normalize else 0
            yield size, half + norms + size // 4
            side //= 2 if block.downsample else 1
