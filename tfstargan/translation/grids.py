"""Grids and animations that show what a run has learned.

- references: sources above, references at the left; the pose comes from above, domain
  and style from the left;
- latents-psi1, ...: sources above, a random style in each row;
- cycles: in columns source, reference, translation, and translation back;
- animations: the same sources while the style is interpolated.
"""

import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tfstargan import images
from tfstargan.data.folder import require_apart
from tfstargan.data.image_set import ImageSet
from tfstargan.data.stream import examples_of, open_images, some_labels
from tfstargan.progress import Bar, waiting
from tfstargan.runs.run import Run
from tfstargan.translation.translator import Translator

COLUMNS = 9  # about so many sources and references, evenly over the domains
MOST_DOMAINS = 12  # in a grid: its size and time grow with their number squared
FRAMES = 12  # from one style to the next


class Examples(NamedTuple):
    """Images to show, float32 in [-1, 1]."""

    sources: np.ndarray  # [N, H, W, 3], domain by domain
    references: dict[str, np.ndarray]  # {domain: [M, H, W, 3]}, other images

    @classmethod
    def choose(cls, image_set: ImageSet, img_size: int) -> "Examples":
        """The first images of every domain, and the next as references.

        Of more than 12 domains, 12 are taken, evenly spaced.
        """
        labels = some_labels(len(image_set.domains), MOST_DOMAINS)
        domains = [image_set.domains[label] for label in labels]
        each = max(1, COLUMNS // len(domains))
        sources = examples_of(image_set, img_size, each, labels=labels)
        references = examples_of(image_set, img_size, each, each, labels)
        return cls(np.concatenate(sources), dict(zip(domains, references, strict=True)))


def reference_grid(translator: Translator, examples: Examples) -> np.ndarray:
    """An image of every source in the style of every reference."""
    references = np.concatenate([*examples.references.values()])
    styles = [
        style[None]
        for domain, some in examples.references.items()
        for style in translator.encode_styles(some, domain)
    ]
    fakes = _in_styles(translator, examples.sources, styles, len(styles))
    rows = [
        [reference, *row]
        for reference, row in zip(
            images.to_uint8(references), map(images.to_uint8, fakes), strict=True
        )
    ]
    return images.grid([[None, *images.to_uint8(examples.sources)], *rows])


def latent_grid(
    translator: Translator, examples: Examples, psi: float = 1.0
) -> np.ndarray:
    """An image of every source in random styles of every domain."""
    styles = latent_styles(translator, examples, psi)
    fakes = _in_styles(translator, examples.sources, styles, len(styles))
    rows = [examples.sources, *fakes]
    return images.grid([[*images.to_uint8(row)] for row in rows])


def _in_styles(
    translator: Translator,
    sources: np.ndarray,
    styles: Iterable[np.ndarray],
    count: int,
) -> Iterable[np.ndarray]:
    """What `in_styles` yields, with a bar if it takes long."""
    fakes = translator.in_styles(sources, styles)
    return Bar(fakes, total=count, desc="drawing", unit="style", delay=2, leave=False)


def cycle_grid(translator: Translator, examples: Examples) -> np.ndarray:
    """Columns of a source, a reference, the translation, and the way back.

    The way back is into the source's own style (arXiv:1912.01865, eq. 4). Every source
    is translated into the next domain.
    """
    sources, domains = examples.sources, list(examples.references)
    by_domain = np.split(sources, len(domains))
    others = domains[1:] + domains[:1]
    references = [examples.references[name][: len(by_domain[0])] for name in others]
    encode = translator.encode_styles
    into = np.concatenate([*map(encode, references, others)])
    own = np.concatenate([*map(encode, by_domain, domains)])
    fakes = translator.apply_styles(sources, into)
    rows = [sources, np.concatenate(references), fakes]
    rows.append(translator.apply_styles(fakes, own))
    return images.grid([[*images.to_uint8(row)] for row in rows])


def reference_styles(translator: Translator, examples: Examples) -> list[np.ndarray]:
    """Style codes [1, style_dim] of the references, domains in turn."""
    styles = [
        translator.encode_styles(references, domain)
        for domain, references in examples.references.items()
    ]
    return [style[None] for turn in zip(*styles, strict=True) for style in turn]


def latent_styles(
    translator: Translator, examples: Examples, psi: float = 1.0
) -> list[np.ndarray]:
    """As many random style codes [1, style_dim], domain by domain."""
    return [
        translator.random_style(domain, seed, psi)
        for domain, references in examples.references.items()
        for seed in range(len(references))
    ]


def animate(
    translator: Translator, examples: Examples, styles: list[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield an endless loop's frames: sources above, translated below.

    The style is interpolated linearly from each to the next, and back to the first.
    """
    by_domain = np.split(examples.sources, len(examples.references))
    sources = np.concatenate([some[:2] for some in by_domain])
    interpolated = (
        start + (end - start) * step / FRAMES
        for start, end in zip(styles, styles[1:] + styles[:1], strict=True)
        for step in range(FRAMES)
    )
    frames = _in_styles(translator, sources, interpolated, FRAMES * len(styles))
    for fakes in frames:
        rows = sources, fakes
        yield images.grid([[*images.to_uint8(row)] for row in rows])


def animations(
    translator: Translator, examples: Examples, psi: float = 1.0
) -> dict[str, Iterator[np.ndarray]]:
    """The frames of every animation by the name of its file."""
    stops = {
        "references": reference_styles(translator, examples),
        "latents": latent_styles(translator, examples, psi),
    }
    return {
        name: animate(translator, examples, styles) for name, styles in stops.items()
    }


def draw_all(
    translator: Translator, examples: Examples, psis: Sequence[float] = (1.0,)
) -> dict[str, np.ndarray]:
    """Every grid by the name of its file."""
    return {
        "references": reference_grid(translator, examples),
        "cycles": cycle_grid(translator, examples),
        **{f"latents-psi{p:g}": latent_grid(translator, examples, p) for p in psis},
    }


def write_samples(
    run: Run,
    out: str | os.PathLike = "",
    psis: Sequence[float] = (1.0,),
    animation: str | None = None,
    checkpoint: int | str | None = None,
    data_dir: str = "",
    skip_broken: bool = False,
) -> str:
    """Write every grid of a run, and the animations if they are wanted.

    Args:
        run: the run.
        out: folder; empty: RUN/samples.
        psis: of the random styles, a grid for each.
        animation: "gif", "webp" or "mp4".
        checkpoint: its iteration, or "best"; by default the newest.
        data_dir: images to show; empty: those of the run.
        skip_broken: skip those that can't be read.

    Returns:
        What was written, in a line.

    Raises:
        UserError: if images are missing, or nothing can be written, or it would lie
            among the images.
    """
    config = run.config.reading(data_dir, skip_broken)
    image_set = open_images(config, "val")
    folder = pathlib.Path(out or run.samples_dir)
    require_apart(folder, image_set, "--out")
    translator = Translator.of_run(run, checkpoint)
    examples = Examples.choose(image_set, config.img_size)
    written = []
    with waiting("drawing the grids"):
        grids = draw_all(translator, examples, psis)
    for name, grid in grids.items():
        written.append(f"{name}.png")
        images.save(grid, folder / written[-1])
    if animation:
        for name, frames in animations(translator, examples, psis[0]).items():
            written.append(f"{name}.{animation}")
            with waiting(f"writing {written[-1]}"):
                images.save_animation(frames, folder / written[-1])
    return f"{folder}: {', '.join(written)}"
