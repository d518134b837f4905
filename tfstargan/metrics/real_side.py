"""The statistics of training images, cached on disk for all runs on the same images."""

import functools
import pathlib
import sys
import zipfile

from tqdm import tqdm

from tfstargan.data.image_set import ImageSet
from tfstargan.files import cache_dir
from tfstargan.metrics import fid
from tfstargan.metrics.digests import digest, key_of
from tfstargan.metrics.instruments import Inception
from tfstargan.metrics.protocol import chosen

AT_ONCE = 64  # images in memory


class RealSide:
    """The real side of the distances of an evaluation.

    Args:
        training: the images.
        limit: images used of each domain, evenly spread; None: all.
        img_size: height and width of the run's images.
        cache: folder for the statistics; by default the user's.
    """

    def __init__(
        self,
        training: ImageSet,
        limit: int | None,
        img_size: int,
        cache: pathlib.Path | None = None,
    ):
        self.training = training
        self.limit = limit
        self.img_size = img_size
        self.cache = cache or cache_dir() / "statistics"
        self._newest: dict[str, tuple[str, fid.FeatureSet]] = {}

    @functools.cached_property
    def digests(self) -> list[str]:
        """A hash of the images used of each domain."""
        domains = range(len(self.training.domains))
        return [digest(self.training, k, self._indices(k)) for k in domains]

    def statistics(self, one: Inception, domain: int) -> fid.FeatureSet:
        """The statistics of a domain's images; the newest of each metric is kept."""
        about = [one.name, one.file, self.img_size, fid.KEPT]
        key = key_of([*about, self.digests[domain]])
        if self._newest.get(one.name, ("",))[0] != key:
            path = self.cache / f"{key}.npz"
            found = _load(path)
            if found is None:
                found = self._compute(one, domain)
                try:
                    found.save(path)
                except OSError as error:  # computed again the next time
                    said = f"warning: {path}: can't be written ({error})"
                    print(said, file=sys.stderr)
            self._newest[one.name] = key, found
        return self._newest[one.name][1]

    def _compute(self, one: Inception, domain: int) -> fid.FeatureSet:
        indices = self._indices(domain)
        seen = fid.FeatureSet(len(indices))
        name = f"real {self.training.domains[domain]}, {one.name}"
        with tqdm(total=len(indices), desc=name, unit="image", leave=False) as bar:
            for start in range(0, len(indices), AT_ONCE):
                some = indices[start : start + AT_ONCE]
                reals = [self.training.image(domain, i) for i in some]
                seen.add(one.see(reals, self.img_size))
                bar.update(len(some))
        return seen

    def _indices(self, domain: int) -> list[int]:
        return chosen(self.training.count(domain), self.limit)


def _load(path: pathlib.Path) -> fid.FeatureSet | None:
    """The cached statistics; None if there are none, or they are damaged."""
    try:
        return fid.FeatureSet.load(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
