"""What every source of images gives: images of several domains, by their index."""

import abc

from PIL import Image


class ImageSet(abc.ABC):
    """Images of several domains, addressed by domain and index."""

    domains: tuple[str, ...]

    @abc.abstractmethod
    def count(self, domain: int) -> int:
        """The number of images of a domain."""

    @abc.abstractmethod
    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image, RGB, of any size; `least` is that of `images.read`."""

    def content(self, domain: int, index: int) -> bytes:
        """What tells an image from any other: its file, or its pixels."""
        return self.image(domain, index).tobytes()

    def fingerprint(self) -> dict[str, str]:
        """{name: hash of the content} of every image, without reading any.

        Empty where the settings of a run determine the images. The hash of a file that
        was skipped is empty.
        """
        return {}

    def name(self, domain: int, index: int) -> str:
        """The name of an image's file, without folder and suffix; empty without one."""
        return ""

    def squeezed(
        self, domain: int, index: int, size: int, least: int = 0
    ) -> Image.Image:
        """One image, uncropped, as size x size pixels."""
        return squeeze(self.image(domain, index, least), size)


def squeeze(image: Image.Image, size: int) -> Image.Image:
    """An image as size x size pixels, resized by Pillow's antialiased bilinear filter.

    As in the authors' code, an image that is not square is squeezed.
    """
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)
