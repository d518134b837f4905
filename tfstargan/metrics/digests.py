"""Hashes of images and weights: what measurements are kept for."""

import hashlib
import json
from typing import Any

from tfstargan.data.image_set import ImageSet
from tfstargan.translation.translator import Translator


def digest(image_set: ImageSet, domain: int, indices: list[int]) -> str:
    """Return a hash of some pictures of a domain, and of their order."""
    whole = hashlib.sha256()
    for index in indices:
        whole.update(hashlib.sha256(image_set.content(domain, index)).digest())
    return whole.hexdigest()


def weights_digest(translator: Translator) -> str:
    """Return a hash of the networks' weights."""
    whole = hashlib.sha256()
    for name in sorted(translator.networks):
        for array in translator.networks[name].get_weights():
            whole.update(array.tobytes())
    return whole.hexdigest()


def key_of(content: Any) -> str:
    """Return a short name for what can be written as JSON."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
