"""How much memory training takes, said before it starts.

An estimate: what the widest update keeps of feature maps for its gradient, beside
weights, averages, moments and gradients. TensorFlow's own needs are not in it, nor what
it wastes between its buffers.
"""

from collections.abc import Iterator
from typing import Any

from tfstargan.config import Config
from tfstargan.networks.blocks import AdaINResidualBlock
from tfstargan.networks.build import NETWORKS
from tfstargan.training.stargan import StarGANv2

FLOAT = 4  # bytes
SMALL_BATCH = 8  # users report that smaller ones train badly on photographs
PHOTOGRAPH = 128  # pixels; smaller pictures are for trying things out


def estimate(model: StarGANv2, replicas: int = 1) -> int:
    """Return about how many bytes training needs on each of the replicas."""
    config = model.config
    images_at_once = config.batch_size // (replicas * config.accumulate)
    return FLOAT * (_weights(model) + images_at_once * _maps(model))


def advice(config: Config) -> str:
    """Return a warning if the batch is smaller than is known to train well, or ""."""
    if config.batch_size >= SMALL_BATCH or config.img_size < PHOTOGRAPH:
        return ""
    return (
        f"warning: --batch_size={config.batch_size}: users report that fewer than "
        f"{SMALL_BATCH} train badly; to save memory rather add --accumulate=2 (or more)"
        " or --recompute"
    )


def _weights(model: StarGANv2) -> int:
    """Return the numbers in weights, averages, two moments and gradients."""
    counts = {name: getattr(model, name).count_params() for name in NETWORKS}
    averages = sum(network.count_params() for network in model.averages.values())
    gradients = max(sum(counts[n] for n in names) for names in model.updates().values())
    return 3 * sum(counts.values()) + averages + gradients


def _maps(model: StarGANv2) -> int:
    """Return the numbers of an image that the generator's update keeps."""
    side, generator = model.config.img_size, model.generator
    blocks = [*generator.encode, *generator.decode]
    blocks = list(_blocks(blocks, side >> generator.halvings))
    translation = sum(kept for _, kept in blocks)
    if model.config.recompute:  # the inputs alone, and one block at a time
        translation = sum(size for size, _ in blocks)
        translation += max(kept for _, kept in blocks) // 2
    trunk = sum(kept for _, kept in _blocks(model.style_encoder.trunk.blocks, side))
    # The fake and the way back; encoder of both images, and discriminator.
    return 2 * translation + 3 * trunk


def _blocks(blocks: list[Any], side: int) -> Iterator[tuple[int, int]]:
    """Yield the numbers in each block's input, and those that it keeps."""
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
