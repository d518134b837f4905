"""Work for a corpus that ends its process once; importable by Beam's processes."""

import os
import pathlib
import signal
from collections.abc import Iterator

from tfstargan.translation.corpus import Outcome, Translate


class Dying(Translate):
    """Translates, but the first process that has done a list of files dies."""

    def process(self, files: list[str]) -> Iterator[Outcome]:
        for outcome in super().process(files):
            try:
                (pathlib.Path(self.out).parent / "died").touch(exist_ok=False)
            except FileExistsError:
                yield outcome
            else:
                os.kill(os.getpid(), signal.SIGKILL)
