"""How a clip is translated: speed, flicker and memory, with a run of drawn animals.

    python benchmarks/video.py --run_dir=runs/critters64

The clips show a drawn animal that moves: without noise, with noise, and several times
over. Each translation is a process of its own, `tfstargan translate`.
"""

import dataclasses
import math
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from tfstargan import cli, images
from tfstargan.data.critters import EVERY_SPECIES, RANGES, draw, nth_critter
from tfstargan.settings import setting

ROOT = pathlib.Path(__file__).parents[1]
RATE = 25  # frames a second
PERIODS = {  # seconds in which a factor of the animal comes back
    "x": 4.0,
    "y": 3.0,
    "tilt": 5.0,
    "mouth": 1.5,
    "gaze": 2.5,
    "size": 7.0,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(cli.RunOptions):
    """The flags of this benchmark."""

    source: str = setting("cat", "species of the clip", one_of=EVERY_SPECIES)
    domain: str = setting("bear", "target domain")
    seed: str = setting("1", "of the style")
    side: int = setting(256, "height and width of the clip", at_least=16)
    frames: int = setting(250, "frames of the short clips", at_least=2)
    long: int = setting(10, "the long clip is so many times as long", at_least=1)
    noise: float = setting(6.0, "standard deviation of the noise, in levels")
    keep: str = setting("", "folder in which the clips are kept", path=True)


def moving(species: str, side: int, frames: int) -> Iterator[np.ndarray]:
    """Yield the frames of a clip, [side, side, 3] uint8."""
    animal = nth_critter("val", EVERY_SPECIES.index(species), 3, 0)
    for i in range(frames):
        pose = {}
        for phase, (name, period) in enumerate(PERIODS.items()):
            low, high = RANGES[name]
            turn = 2 * math.pi * (i / RATE / period + phase / len(PERIODS))
            pose[name] = low + (high - low) * (0.5 + 0.5 * math.sin(turn))
        yield draw(dataclasses.replace(animal, **pose), side)


def noisy(frames: list[np.ndarray], deviation: float) -> Iterator[np.ndarray]:
    """Yield frames with Gaussian noise."""
    rng = np.random.default_rng(0)
    for frame in frames:
        levels = frame + rng.normal(0, deviation, frame.shape)
        yield np.rint(np.clip(levels, 0, 255)).astype(np.uint8)


def translated(
    source: pathlib.Path, out: pathlib.Path, options: Options, steady: bool
) -> tuple[str, float]:
    """The line that `translate` prints, and its peak memory in MB."""
    flags = [f"--{name}={getattr(options, name)}" for name in ("run_dir", "domain")]
    flags += [f"--source={source}", f"--out={out}", f"--seed={options.seed}"]
    command = [sys.executable, "-m", "tfstargan.translate", *flags]
    process = subprocess.Popen(
        [*command, "--steady"] if steady else command,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    line = process.stdout.read().strip()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: exit status {status}")
    return line, usage.ru_maxrss / 1024


def main(options: Options) -> None:
    """Print a line for each translation."""
    frames = [*moving(options.source, options.side, options.frames)]
    clips = {
        "clean": frames,
        "noisy": noisy(frames, options.noise),
        "long": frames * options.long,
    }
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(options.keep or place)
        for name, shown in clips.items():
            source = folder / f"{name}.mp4"
            images.save_animation(shown, source, 1000 // RATE)
            for steady in (False, True) if name != "long" else (False,):
                out = folder / f"{name}-{'steady' if steady else 'plain'}.mp4"
                line, memory = translated(source, out, options, steady)
                print(f"{line}; peak memory {memory:.0f} MB", flush=True)


if __name__ == "__main__":
    cli.start(main, Options, about=__doc__, tensorflow=False)
