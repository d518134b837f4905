"""Hashes of images and weights, by which measurements are cached."""

import hashlib
import json
from typing import Any

from tfstargan.data.image_set import ImageSet
from tfstargan.translation.translator import Translator


def digest(image_set: ImageSet, domain: int, indices: list[int]) -> str:
    """A hash of some images of a domain, and of their order."""
    whole = hashlib.sha256()
    if image_set.fit != "squeeze":
        whole.update(image_set.fit.encode())
    for index in indices:
        whole.update(hashlib.sha256(image_set.content(domain, index)).digest())
    return whole.hexdigest()


def weights_digest(translator: Translator) -> str:
    """A hash of the weights of the networks."""
    whole = hashlib.sha256()
    for name in sorted(translator.networks):
        for array in translator.networks[name].get_weights():
            whole.update(array.tobytes())
    return whole.hexdigest()


def key_of(content: Any) -> str:
    """A short name for any content that can be written as JSON."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
