"""Save checkpoints on small file systems until they are full; see `campaign.disks`."""

import pathlib
import random
import subprocess
import sys

import saving
from conftest import tiny

from tfstargan.errors import UserError
from tfstargan.runs import checkpoint_file
from tfstargan.runs.run import Run


def fill(run: Run) -> tuple[int, str]:
    """Save until that fails; return the saves that did not, and what was said."""
    model = saving.Weights()
    try:
        while True:
            model.iteration += 1
            run.save(model)
    except UserError as error:
        return model.iteration - 1, str(error)


def main(folder: pathlib.Path, times: int) -> None:
    """Do so in a mount namespace of its own, so many times."""
    rng, config = random.Random(0), tiny(keep_checkpoints=1000)
    for _ in range(times):
        size = f"size={rng.randint(3000, 20_000)}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
        with Run.start(folder / "run", config) as run:
            saves, said = fill(run)
            assert "can't be written (No space left on device)" in said
            assert "\n" not in said
            assert not list(run.checkpoints_dir.glob(".partial-*"))
            assert len(run.checkpoints()) == saves
            assert not any(map(checkpoint_file.fault, run.checkpoints()))
        subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
