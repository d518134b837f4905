"""Data sets of TensorFlow Datasets: --dataset=tfds:NAME[:LABEL].

    --dataset=tfds:oxford_iiit_pet:species      domains by a class label: Cat, Dog
    --dataset=tfds:celeb_a:Male                 or by an attribute: not_Male, Male
    --dataset=tfds:cycle_gan/horse2zebra        or by split: A (trainA), B (trainB)

A data set is downloaded at first use and prepared for random access (ArrayRecord), so
that the stream can ask for images by number.
"""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

from PIL import Image

from tfstargan import images
from tfstargan.backend import tf
from tfstargan.data.folder import say
from tfstargan.data.image_set import ImageSet, squared
from tfstargan.errors import UserError
from tfstargan.files import composed
from tfstargan.progress import Bar


class TFDS(ImageSet):
    """The images of one split.

    Args:
        dataset: "tfds:NAME[:LABEL]"; NAME may have a configuration and a version. LABEL
            is a class label or a boolean feature; by default the data set's own label.
        data_dir: where TFDS keeps data sets; empty: its default.
        split: "train": all parts whose names begin with train; "val": with test or
            val, or those of "train" if there are none.
        domains: names in label order; empty: all classes.
        fit: how images become squares; see `image_set.squared`.

    Raises:
        UserError: if TFDS is not installed or can't find or prepare the data set, or
            if there is no such label or domain.
    """

    def __init__(
        self,
        dataset: str,
        data_dir: str,
        split: str,
        domains: tuple[str, ...] = (),
        fit: str = "squeeze",
    ):
        self.dataset, self.split, self.fit = dataset, split, fit
        name, label = parse(dataset)
        info, self.source = prepare(name, data_dir, split)
        self.full_name = info.full_name
        features = dict(flatten(info.features))
        self.image_key = image_of(features)
        self.label_key = label_of(features, label, info.supervised_keys)
        known = class_names(self.label_key, features[self.label_key])
        self.domains = domains or known
        for domain in self.domains:
            if domain not in known:
                raise UserError(
                    f"--domains: --dataset={dataset} has no {domain}; it has "
                    f"{', '.join(known)}"
                )
        found: dict[str, list[int]] = {domain: [] for domain in known}
        for index in Bar(range(len(self.source)), desc="labels", leave=False):
            value = self._record(index)[self.label_key].int64_list.value[0]
            if value >= 0:  # -1 is TFDS' mark of an unknown label
                found[known[value]].append(index)
        self.indices = [found[domain] for domain in self.domains]
        for domain, indices in zip(self.domains, self.indices, strict=True):
            if not indices:
                raise UserError(f"--dataset={dataset}: no image of {domain}")

    def count(self, domain: int) -> int:
        """The number of images of a domain."""
        return len(self.indices[domain])

    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image, RGB, made square by `fit`."""
        name = f"{self.dataset} number {self.indices[domain][index]}"
        content = io.BytesIO(self.content(domain, index))
        return squared(images.decode(content, name, least), self.fit)

    def content(self, domain: int, index: int) -> bytes:
        """The bytes of an image's file."""
        record = self._record(self.indices[domain][index])
        return record[self.image_key].bytes_list.value[0]

    def fingerprint(self) -> dict[str, str]:
        """{name and version of the data set, split, number of images: ""}."""
        return {f"{self.full_name}, {self.split}: {len(self.source)} images": ""}

    def _record(self, index: int) -> Any:
        return tf.train.Example.FromString(self.source[index]).features.feature


def parse(dataset: str) -> tuple[str, str]:
    """Name and label of "tfds:NAME[:LABEL]"; a version is part of the name."""
    _, name, *rest = dataset.split(":")
    if rest and re.fullmatch(r"[\d.*]+", rest[0]):
        name += ":" + rest.pop(0)
    return name, ":".join(rest)


def prepare(name: str, data_dir: str, split: str) -> tuple[Any, Any]:
    """TFDS' description of a data set, and its raw records by number."""
    try:
        import tensorflow_datasets as tfds
    except ImportError:
        raise UserError(
            f"--dataset=tfds:{name}: needs TensorFlow Datasets; "
            "pip install 'tfstargan[tfds]'"
        ) from None
    # Without a network a download is retried ten times, with a warning each.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    try:
        builder = tfds.builder(name, data_dir=data_dir or None)
        builder.download_and_prepare(file_format="array_record")
        source = builder.as_data_source(
            parts_of(split, list(builder.info.splits)),
            deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES,
        )
    except (
        ValueError,  # an unknown name, configuration or version
        OSError,
        tfds.download.DownloadError,
        AssertionError,  # a file that must be downloaded by hand
        NotImplementedError,  # prepared before, without random access
    ) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--dataset=tfds:{name}: {reason}") from error
    return builder.info, source


def flatten(features: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield features and their names, those of groups as "group/name"."""
    for name, feature in features.items():
        if hasattr(feature, "items"):
            yield from flatten(feature, f"{prefix}{name}/")
        else:
            yield prefix + name, feature


def image_of(features: dict[str, Any]) -> str:
    """The name of the first feature that is an image."""
    import tensorflow_datasets as tfds

    for name, feature in features.items():
        if isinstance(feature, tfds.features.Image):
            return name
    raise UserError(f"--dataset: no images in it, only {', '.join(features)}")


def label_of(features: dict[str, Any], label: str, supervised: Any) -> str:
    """The name of the feature that tells domains apart."""
    fit = [name for name, f in features.items() if len(class_names(name, f)) > 1]
    label = label or (supervised[1] if supervised else "label")
    for name in fit:
        if label in (name, name.rpartition("/")[2]):
            return name
    raise UserError(
        f"--dataset: no label {label!r} in it; say tfds:NAME:LABEL with LABEL one of "
        f"{', '.join(name.rpartition('/')[2] for name in fit) or 'none'}"
    )


def class_names(name: str, feature: Any) -> tuple[str, ...]:
    """The domains of a label, in order; empty if it is no label."""
    if getattr(feature, "names", None):
        return tuple(map(composed, feature.names))
    if feature.dtype == bool and feature.shape == ():
        name = name.rpartition("/")[2]
        return f"not_{name}", name
    return ()


def parts_of(split: str, parts: list[str]) -> str:
    """A split in TFDS' notation, such as "trainA+trainB"."""
    beginnings = ("test", "val") if split == "val" else ("train",)
    chosen = [part for part in parts if part.startswith(beginnings)]
    if not chosen:
        say(f"no {split} in this data set; validation uses the training images")
    return "+".join(chosen or [part for part in parts if part.startswith("train")])
