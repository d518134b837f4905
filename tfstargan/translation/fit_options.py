"""The settings of translating photographs that are not squares of the training's size.

This module is light: commands import it for their flags.
"""

import dataclasses

from tfstargan.settings import Settings, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class FitOptions(Settings):
    """How a source of any size is translated; see `tfstargan.images.fitting`."""

    fit: str = setting(
        "crop",
        "crop (the centred square), pad (all, in a square) or whole (all, any aspect)",
        group="photographs",
        one_of=("crop", "pad", "whole"),
    )
    size: int | None = setting(
        None,
        "fit=whole: shorter side in pixels; by default the run's img_size",
        group="photographs",
        kind=int,
        at_least=32,
    )
    paste: bool = setting(
        False,
        "put the translation back into the photograph, at its full resolution",
        group="photographs",
    )

    def check_together(self) -> None:
        """Check that a size is given only where it has a meaning."""
        alone = self.size is None or self.fit == "whole"
        self.require(alone, "size", "applies to --fit=whole")

    @property
    def at_once(self) -> int:
        """The number of images read and written in advance, which bounds memory."""
        return 4 if self.fit == "whole" else 64


CROP = FitOptions()
