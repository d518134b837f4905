"""Validation images that are also training images."""

from collections.abc import Mapping, Sequence

from tfstargan.data.folder import Folder
from tfstargan.data.image_set import ImageSet
from tfstargan.data.scan import Seen

Split = Mapping[str, Sequence[Seen]]  # of each domain


def overlap(training: ImageSet, validation: ImageSet) -> str:
    """A line about validation images that are trained on; empty if there are none.

    Files of a domain are compared by their content. Sets other than folders are not
    compared, nor where training images stand in for validation.
    """
    if not (isinstance(training, Folder) and isinstance(validation, Folder)):
        return ""
    if training.files == validation.files:
        return ""
    return told_of_copies(training.by_domain(), validation.by_domain())


def stands_in(training: ImageSet, validation: ImageSet) -> bool:
    """Whether training images stand in for validation images, judged by the first."""
    return training.content(0, 0) == validation.content(0, 0)


def told_of_copies(training: Split, validation: Split) -> str:
    """The number of validation images that are training images, in a line.

    Args:
        training: {domain: results of inspecting its images}.
        validation: likewise.

    Returns:
        The line; empty if there are none.
    """
    total = copies = 0
    for domain, some in validation.items():
        known = {seen.digest for seen in training.get(domain, ())} - {""}
        total += len(some)
        copies += sum(seen.digest in known for seen in some)
    if not copies:
        return ""
    return f"{copies} of {total} validation images are training images, too"
