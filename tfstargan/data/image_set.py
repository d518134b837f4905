"""The interface of image sources: images of several domains, by index."""

import abc

from PIL import Image

from tfstargan.images import fitting

LONGEST = 4096  # longer side of an image that is padded; a larger one is reduced


class ImageSet(abc.ABC):
    """Images of several domains, addressed by domain and index."""

    domains: tuple[str, ...]
    fit = "squeeze"  # how an image that is not square becomes one; see `squared`

    @abc.abstractmethod
    def count(self, domain: int) -> int:
        """The number of images of a domain."""

    @abc.abstractmethod
    def image(self, domain: int, index: int, least: int = 0) -> Image.Image:
        """One image, RGB, made square by `fit`; `least` is that of `images.read`."""

    def content(self, domain: int, index: int) -> bytes:
        """Bytes that identify an image: its file, or its pixels."""
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


def squared(image: Image.Image, fit: str) -> Image.Image:
    """An image made square as `Config.fit` says.

    "crop" takes the largest centred square. "pad" puts the whole image in the middle of
    a square that is filled by reflection. "squeeze" changes nothing: `squeeze` will.
    """
    if fit == "squeeze" or image.width == image.height:
        return image
    if fit == "crop":
        return image.crop(fitting.crop(image.size, 1).box)
    side = min(max(image.size), LONGEST)
    return fitting.place(image, fitting.pad(image.size, side))


def squeeze(image: Image.Image, size: int) -> Image.Image:
    """An image as size x size pixels, resized by Pillow's antialiased bilinear filter.

    As in the authors' code, an image that is not square is squeezed.
    """
    if image.size == (size, size):
        return image
    return image.resize((size, size), Image.Resampling.BILINEAR)
