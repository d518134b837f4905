"""Save checkpoints on small file systems until they are full; see `campaign.disks`."""

import pathlib
import random
import subprocess
import sys

import pytest
import saving
from conftest import tiny

from tfstargan import checkpoint_file
from tfstargan.config import UserError
from tfstargan.run import Run


def main(folder: pathlib.Path, times: int) -> None:
    """Do so in a mount namespace of its own, so many times."""
    rng, config = random.Random(0), tiny(keep_checkpoints=1000)
    for _ in range(times):
        size = f"size={rng.randint(3000, 20_000)}k"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder], check=True)
        model = saving.Weights()
        with Run.start(folder / "run", config) as run:
            with pytest.raises(UserError, match=r"^[^\n]*\(No space left[^\n]*$"):
                while True:
                    model.iteration += 1
                    run.save(model)
            assert not list(run.checkpoints_dir.glob(".partial-*"))
            found = run.checkpoints()
            assert len(found) == model.iteration - 1
            assert not any(map(checkpoint_file.fault, found))
        subprocess.run(["umount", folder], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
