"""What every source of pictures gives: pictures of several domains, by their index."""

import abc

from PIL import Image


class ImageSet(abc.ABC):
    """Pictures of several domains, addressed by domain and index."""

    domains: tuple[str, ...]

    @abc.abstractmethod
    def count(self, domain: int) -> int:
        """Return the number of pictures of a domain."""

    @abc.abstractmethod
    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """Return one picture, RGB, of any size; `least` is that of `images.read`."""

    def content(self, domain: int, index: int) -> bytes:
        """Return what tells a picture from any other: its file, or its pixels."""
        return self.image(domain, index).tobytes()

    def name(self, domain: int, index: int) -> str:
        """The name of an image's file, without folder and suffix; empty without one."""
        return ""

    def squeezed(
        self, domain: int, index: int, size: int, least: int = 0
    ) -> Image.Image:
        """Return one picture, uncropped, as size x size pixels."""
        return squeeze(self.image(domain, index, least), size)


def squeeze(image: Image.Image, size: int) -> Image.Image:
    """Return a picture as size x size pixels, by Pillow's antialiased bilinear filter.

    As in the authors' code, one that is not square is squeezed.
    """
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)
