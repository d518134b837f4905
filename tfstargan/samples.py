"""Pictures that show what a run has learned: grids and an animation.

    python -m tfstargan.samples --run_dir=runs/critters

writes into RUN/samples: `references.png` (sources above, references at the left: pose
from above, species and fur from the left), `latents.png` (sources above, a random style
a row) and `styles.gif` (the same sources while the style wanders from one reference to
the next).
"""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from absl import flags

from tfstargan import cli, images
from tfstargan.data import ImageSet, examples_of, open_images
from tfstargan.run import Run
from tfstargan.translator import Translator

COLUMNS = 9  # about so many sources and references, evenly over the domains
FRAMES = 12  # from one style to the next


class Examples(NamedTuple):
    """Pictures to show: float32 images in [-1, 1]."""

    sources: np.ndarray  # [N, H, W, 3], domain by domain
    references: dict[str, np.ndarray]  # {domain: [M, H, W, 3]}, other pictures

    @classmethod
    def choose(cls, image_set: ImageSet, img_size: int) -> "Examples":
        """Return the first pictures of every domain, and the next as references."""
        domains = image_set.domains
        each = max(1, COLUMNS // len(domains))
        sources = examples_of(image_set, img_size, each)
        references = examples_of(image_set, img_size, each, skip=each)
        return cls(np.concatenate(sources), dict(zip(domains, references, strict=True)))


def reference_grid(translator: Translator, examples: Examples) -> np.ndarray:
    """Return a picture of every source in the style of every reference."""
    rows: list[list] = [[None, *images.to_uint8(examples.sources)]]
    for domain, references in examples.references.items():
        styles = translator.encode_styles(references, domain)
        for reference, style in zip(references, styles, strict=True):
            fakes = translator.translate(examples.sources, style[None])
            rows.append([images.to_uint8(reference), *images.to_uint8(fakes)])
    return images.grid(rows)


def latent_grid(
    translator: Translator, examples: Examples, psi: float = 1.0
) -> np.ndarray:
    """Return a picture of every source in random styles of every domain."""
    rows = [[*images.to_uint8(examples.sources)]]
    for domain, references in examples.references.items():
        for seed in range(len(references)):
            style = translator.random_style(domain, seed, psi)
            fakes = translator.translate(examples.sources, style)
            rows.append([*images.to_uint8(fakes)])
    return images.grid(rows)


def style_frames(translator: Translator, examples: Examples) -> Iterator[np.ndarray]:
    """Yield an endless loop's frames: sources above, translated below.

    The style goes in a straight line from one reference's to the next, through all
    domains in turn and back to the first.
    """
    each = len(examples.sources) // len(examples.references)
    sources = examples.sources[:: max(1, each // 2)]  # two of each domain
    stops = [
        translator.encode_styles(references[i : i + 1], domain)
        for i in range(each)
        for domain, references in examples.references.items()
    ]
    above = [*images.to_uint8(sources)]
    for start, end in zip(stops, stops[1:] + stops[:1], strict=True):
        for step in range(FRAMES):
            style = start + (end - start) * step / FRAMES
            fakes = translator.translate(sources, style)
            yield images.grid([above, [*images.to_uint8(fakes)]])


def main() -> None:
    """Write the three pictures of a run."""
    run = Run.open(flags.FLAGS.run_dir)
    translator = Translator.of_run(run, flags.FLAGS.checkpoint)
    image_set = open_images(run.config, "val")
    examples = Examples.choose(image_set, run.config.img_size)
    folder = pathlib.Path(flags.FLAGS.out or run.samples_dir)
    images.save(reference_grid(translator, examples), folder / "references.png")
    images.save(
        latent_grid(translator, examples, flags.FLAGS.psi), folder / "latents.png"
    )
    images.save_animation(
        list(style_frames(translator, examples)), folder / "styles.gif"
    )
    for name in ("references.png", "latents.png", "styles.gif"):
        print(folder / name)


if __name__ == "__main__":
    cli.define_run_flags()
    cli.define_psi_flag()
    flags.DEFINE_string("out", "", "folder for the pictures; empty: RUN/samples")
    cli.start(main)
