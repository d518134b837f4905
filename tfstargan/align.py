r"""Crop faces from photographs as in CelebA-HQ, by their landmarks.

    tfstargan align --source=photos/ --out=faces/ \
        --wing_weights=wing.ckpt --mean_landmarks=celeba_lm_mean.npz [--size=256,512]

A face is rotated, scaled and moved so that its eyes and mouth lie where the average
face of CelebA-HQ has them. The landmark network takes the largest centred square of a
photograph. The face should fill a good part of it, since there is no face detection.
The two files are the authors'. OUT/align.json lists every photograph, with the files
written or the reason why it was skipped.
"""

import dataclasses

from tfstargan import cli
from tfstargan.faces import MIN_PEAK
from tfstargan.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.Settings):
    """The flags of this command."""

    source: str = setting(
        "",
        "photograph to align, or a folder of them",
        required="name a photograph, or a folder of them",
        path=True,
    )
    out: str = setting(
        "",
        "folder for the faces; subfolders are kept",
        required="name a folder for the faces",
        path=True,
    )
    size: tuple[str, ...] = setting(
        ("256",), "side of the faces; several give OUT/256, OUT/512"
    )
    wing_weights: str = setting(
        "", "the authors' wing.ckpt, with the weights of FAN", path=True
    )
    mean_landmarks: str = setting("", "the authors' celeba_lm_mean.npz", path=True)
    min_peak: float = setting(
        MIN_PEAK, "skip faces with landmarks fainter than this, from 0 to 1"
    )


def main(options: Options) -> None:
    """Align photographs, and print the skipped ones and the number written."""
    from tfstargan.faces.cutting import align_photographs

    print(
        align_photographs(
            options.source,
            options.out,
            options.size,
            options.wing_weights,
            options.mean_landmarks,
            options.min_peak,
        )
    )


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__)
