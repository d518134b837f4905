"""Batches of images: element i of the stream is a function of (seed, i) alone.

A resumed run therefore sees the same data as one that was never interrupted, and the
number of replicas or threads changes nothing. Sources and pairs of references are drawn
with replacement, each domain equally likely (arXiv:1912.01865, appendix; the authors'
balanced sampler).
"""

import ctypes
import pathlib
from collections.abc import Sequence

import numpy as np

from tfstargan import images
from tfstargan.backend import tf
from tfstargan.config import Config
from tfstargan.data import critters, shard_index, shards
from tfstargan.data.augment import augment
from tfstargan.data.batch import NOISE, SHOWN, UPDATES, Batch
from tfstargan.data.folder import Folder
from tfstargan.data.image_set import ImageSet
from tfstargan.data.patience import patiently
from tfstargan.data.tfds import TFDS
from tfstargan.errors import UserError

# From glibc's malloc.h. Blocks larger than the first are mapped on their own; free
# memory beyond the second is returned to the system.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1


def open_images(config: Config, split: str) -> ImageSet:
    """The images of "train" or "val"; those of "train" if there is no "val".

    Raises:
        UserError: if they are missing or unusable (see `Folder`, `Shards`, `TFDS`).
    """
    if config.dataset.startswith("tfds:"):
        where = config.dataset, config.data_dir
        return TFDS(*where, split, config.domains, config.fit)
    if config.dataset == "folder":
        if not config.data_dir:
            raise UserError(
                "--data_dir: name the folder that holds train/DOMAIN/*.jpg, or draw "
                "animals with --dataset=critters"
            )
        root = pathlib.Path(config.data_dir)
        if (root / shard_index.INDEX).exists():
            return shards.Shards(root, split, config.domains, config.fit)
        return Folder(root, split, config.domains, config.skip_broken, config.fit)
    species = critters.chosen(config.domains)
    each = config.critters_per_domain
    return critters.Critters(split, config.img_size, each, species=species)


def dataset(config: Config, split: str = "train") -> tf.data.Dataset:
    """The batches of a run, from the images of "train" or "val".

    Args:
        config: the run's settings.
        split: which images.

    Returns:
        A dataset of `Batch`, images float32 in [-1, 1], of `config.iterations`
        elements. Its attribute `domains` has the names, for `Config.with_domains`.

    Raises:
        UserError: if the images are missing or can't be used.
    """
    image_set = open_images(config, split)
    found = batches(image_set, config)
    found.domains = image_set.domains
    return found


def batches(
    image_set: ImageSet,
    config: Config,
    start: int = 0,
    part: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """The batches of iterations `start` to `config.iterations`.

    Args:
        image_set: the images.
        config: the run's settings.
        start: iterations that are already trained.
        part: the position of this worker among several, and the number of replicas. A
            worker gets its share of every batch, split among its replicas; None: the
            whole batch.

    Returns:
        A dataset of `Batch`, images float32 in [-1, 1].
    """
    part = part or tf.distribute.InputContext()
    size = config.img_size
    image = tf.TensorSpec((size, size, 3), tf.uint8)
    label = tf.TensorSpec((), tf.int32)
    latent = tf.TensorSpec((config.latent_dim,), tf.float32)
    noise = tf.TensorSpec((UPDATES, len(SHOWN), NOISE), tf.float32)
    element = Batch(image, label, image, image, label, latent, latent, noise)
    if config.augment == "none":
        element = element._replace(noise=())

    def draw(index: tf.Tensor) -> Batch:
        specs = tf.nest.flatten(element)
        parts = tf.numpy_function(
            lambda i: tf.nest.flatten(example(image_set, config, int(i))),
            [index],
            [spec.dtype for spec in specs],
        )
        for part, spec in zip(parts, specs, strict=True):
            part.set_shape(spec.shape)
        return tf.nest.pack_sequence_as(element, parts)

    whole, own = config.batch_size, config.batch_size // part.num_input_pipelines
    skip = own * part.input_pipeline_id
    indices = tf.data.Dataset.range(start * own, config.iterations * own)
    indices = indices.map(lambda i: i // own * whole + skip + i % own)
    stream = indices.map(draw, num_parallel_calls=tf.data.AUTOTUNE)
    stream = stream.batch(part.get_per_replica_batch_size(whole), drop_remainder=True)
    return stream.map(scale).prefetch(tf.data.AUTOTUNE)


def keep_freed_memory() -> None:
    """Keep freed memory for the next image, instead of returning it to the system.

    Threads that map megabytes of new pages for every image wait for each other, which
    takes half of the time of an image of 1024 x 1024. This is for CPUs that read images
    for another device; training on the CPU itself takes 5 to 10 % longer. It has an
    effect with glibc only.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, 8 << 20)
    mallopt(M_TRIM_THRESHOLD, 64 << 20)


def scale(batch: Batch) -> Batch:
    """A batch with its uint8 images as float32 in [-1, 1]."""
    names = ("x_src", "x_ref", "x_ref2")
    return batch._replace(
        **{n: tf.cast(getattr(batch, n), tf.float32) / 127.5 - 1.0 for n in names}
    )


def example(image_set: ImageSet, config: Config, index: int) -> Batch:
    """Element `index` of the stream, unbatched, its images uint8."""
    rng = np.random.default_rng((config.seed, index))
    # Reduced from twice the side, an image is nearly the same as from all its pixels.
    least = 2 * config.img_size if config.jpeg_draft else 0

    def drawn(domain: int) -> np.ndarray:
        chosen = int(rng.integers(image_set.count(domain)))
        state = rng.bit_generator.state

        def augmented() -> np.ndarray:
            rng.bit_generator.state = state  # the same at every attempt
            return augment(
                image_set,
                domain,
                chosen,
                config.img_size,
                rng,
                config.crop_probability,
                config.flip_probability,
                least,
            )

        return patiently(augmented)

    y_src, y_trg = (int(y) for y in rng.integers(len(image_set.domains), size=2))
    z, z2 = rng.standard_normal((2, config.latent_dim), np.float32)
    shape = (UPDATES, len(SHOWN), NOISE)
    return Batch(
        x_src=drawn(y_src),
        y_src=np.int32(y_src),
        x_ref=drawn(y_trg),
        x_ref2=drawn(y_trg),
        y_trg=np.int32(y_trg),
        z=z,
        z2=z2,
        noise=() if config.augment == "none" else rng.random(shape, np.float32),
    )


def examples_of(
    image_set: ImageSet,
    size: int,
    each: int,
    skip: int = 0,
    labels: Sequence[int] | None = None,
) -> np.ndarray:
    """The first images of every domain, [K, each, H, W, 3] in [-1, 1].

    Domains with fewer images than asked for repeat theirs.

    Args:
        image_set: the images.
        size: height and width wanted.
        each: images of each domain.
        skip: images of each domain to skip first.
        labels: of the domains; by default all.
    """
    return np.stack(
        [
            [
                images.to_float(images.square(image_set.image(k, (skip + i) % n), size))
                for i in range(each)
            ]
            for k in (range(len(image_set.domains)) if labels is None else labels)
            for n in [image_set.count(k)]
        ]
    )


def some_labels(count: int, most: int) -> list[int]:
    """At most so many of `count` labels, evenly spaced."""
    wanted = min(count, most)
    return [i * count // wanted for i in range(wanted)]
