"""Every fault many times: what was done, how often, and what was lost.

    python tests/faults/campaign.py                   all; an hour or more on two cores
    python tests/faults/campaign.py kills=9 numbers   these alone, the first so often

prints the table of the README. The tests beside it do the same a few times.
"""

import collections
import contextlib
import io
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from tensorboard.backend.event_processing import event_file_loader
from tensorboard.util import tensor_util

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(1, str(HERE.parent))
os.environ["PYTHONPATH"] = str(ROOT)

import pictures  # noqa: E402
import saving  # noqa: E402
from conftest import tiny  # noqa: E402
from test_stargan import contents  # noqa: E402
from test_workers import flags_of  # noqa: E402

from tfstargan.cli import PREEMPTED  # noqa: E402
from tfstargan.runs.run import Run, open_run  # noqa: E402, open_run

PER_EXAMPLE = 20  # damaged pictures for one example of hypothesis, which takes longer


class Row(NamedTuple):
    """A line of the table."""

    fault: str
    how: str
    times: str
    lost: str


def start(config: object, run_dir: pathlib.Path, log: pathlib.Path) -> subprocess.Popen:
    """Start training, a process of its own."""
    command = [sys.executable, "-m", "tfstargan.train", *flags_of(config)]
    with log.open("ab") as file:
        return subprocess.Popen([*command, f"--run_dir={run_dir}"], stderr=file)


def wait_for_save(process: subprocess.Popen, folder: pathlib.Path, skip: int) -> None:
    """Wait until training writes a checkpoint, not one of the first few."""
    seen: set[str] = set()
    while process.poll() is None and len(seen) <= skip:
        seen |= {path.name for path in folder.glob("checkpoints/.partial-iter*h5")}
        time.sleep(2e-4)


def losses(run: Run) -> dict[tuple[str, int], set[bytes]]:
    """Return every value that was ever logged, {(name, iteration): {value}}."""
    found = collections.defaultdict(set)
    for file in sorted(run.logs_dir.iterdir()):
        for event in event_file_loader.EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = tensor_util.make_ndarray(value.tensor)
                    found[value.tag, event.step].add(np.float32(number).tobytes())
    return found


def assert_same(run: Run, other: Run) -> int:
    """Compare weights, optimizers, losses and pictures, bit for bit."""
    one, two = (contents(r.checkpoint()) for r in (run, other))
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].tobytes() == two[name].tobytes(), name
    one_logged, two_logged = losses(run), losses(other)
    assert one_logged == two_logged
    drawn = {p.name: p.read_bytes() for p in run.samples_dir.iterdir()}
    assert drawn == {p.name: p.read_bytes() for p in other.samples_dir.iterdir()}
    return len(one_logged)


def kills(folder: pathlib.Path, times: int) -> list[Row]:
    """Kill a run over and over, and compare it with one that was left alone."""
    rng = random.Random()
    config = tiny(
        iterations=12, save_every=1, sample_every=4, log_every=1, ds_iterations=12
    )
    never, often = folder / "never", folder / "often"
    undisturbed = start(config, never, folder / "never.log")
    in_save = in_start = asked = 0
    slowest = 0.0
    while True:
        process = start(config, often, folder / "often.log")
        done = in_save + in_start + asked
        if done == times:
            break
        kind = rng.choices(["save", "any", "asked"], [6, 2, 2])[0]
        if kind == "any":
            time.sleep(rng.uniform(0, 25))
        else:
            wait_for_save(process, often, rng.randrange(2))
            time.sleep(rng.uniform(0, 0.02))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGTERM if kind == "asked" else signal.SIGKILL)
        before = time.monotonic()
        code = process.wait()
        if kind == "asked":
            asked += 1
            slowest = max(slowest, time.monotonic() - before)
            assert code == PREEMPTED, code
        elif any(often.glob("checkpoints/.partial-*")):
            in_save += 1
        else:
            in_start += 1
        print(f"{kind} {code} {Run(often, config).checkpoints()[-1:]}", flush=True)
    assert process.wait() == undisturbed.wait() == 0
    points = assert_same(open_run(str(often)), open_run(str(never)))
    same = f"nothing: weights, optimizers, {points:,} losses, all grids bit for bit"
    return [
        Row("SIGKILL in a save", "its partial file was left", str(in_save), same),
        Row(
            "SIGKILL elsewhere", "at random moments", str(in_start), "nothing, likewise"
        ),
        Row(
            "SIGTERM",
            f"at random moments; saved, exit code {PREEMPTED}",
            str(asked),
            f"nothing; gone after {slowest:.1f} s at most",
        ),
    ]


def saves(folder: pathlib.Path, times: int) -> list[Row]:
    """Kill a process that does nothing but save."""
    found = saving.kill_saves(folder, times)
    how = f"at random moments, {found.in_mid_save} of them in mid-file"
    return [Row("SIGKILL of saves alone", how, str(found.times), "never a whole one")]


def flips(folder: pathlib.Path, times: int) -> list[Row]:
    """Change one bit of the newest checkpoint; the one before must be used."""
    rng, config = random.Random(0), tiny()
    model = saving.Weights()
    with Run.start(folder, config) as run:
        for model.iteration in (1, 2):
            run.save(model)
    first, newest = run.checkpoints()
    content = newest.read_bytes()
    for _ in range(times):
        flipped = bytearray(content)
        if rng.random() < 0.5:
            flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        else:
            del flipped[rng.randrange(len(flipped)) :]
        newest.write_bytes(flipped)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            assert Run(folder, config).checkpoint() == first
        assert f"{newest}: can't be loaded" in said.getvalue()
    how = "a bit flipped, or the end cut off; the one before is used"
    return [Row("Damaged newest checkpoint", how, str(times), "what came after that")]


def disks(folder: pathlib.Path, times: int) -> list[Row]:
    """Save until a small file system is full."""
    script = HERE / "filling.py"
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*unshare, sys.executable, str(script), str(folder), str(times)]
    subprocess.run(command, check=True)
    how = "a tmpfs of random size, saved to until it was full"
    return [
        Row("Full disk", how, str(times), "nothing: the checkpoint before is whole")
    ]


def numbers(folder: pathlib.Path, times: int) -> list[Row]:
    """Feed not-a-number to training, in one replica and in one of two."""
    rows = []
    for replicas in (1, 2):
        script = [sys.executable, str(HERE / "poisoned.py")]
        result = subprocess.run(
            [*script, str(folder / str(replicas)), str(replicas)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        left_out, backs = result.stdout.split()[-2:]
        where = "one of two replicas" if replicas == 2 else "one replica"
        rows.append(
            Row(
                f"Not a number in {where}",
                f"in latents; {left_out} updates left out, gone back {backs} times",
                "9 iterations",
                "these updates, and what came after the checkpoint gone back to",
            )
        )
    return rows


def files(folder: pathlib.Path, times: int) -> list[Row]:
    """Read damaged pictures, and what strangers write into JSON."""
    pictures.read_damaged(times, seed=1)
    test = [sys.executable, "-m", "pytest", "-q", "tests/faults", "-k", "stranger"]
    examples = times // PER_EXAMPLE
    environment = {"HYPOTHESIS_EXAMPLES": str(examples)}
    subprocess.run(test, cwd=ROOT, env=os.environ | environment, check=True)
    kinds = len(pictures.contents())
    return [
        Row(
            "Pictures of strangers",
            f"bytes changed, ends cut off, in {kinds} kinds",
            f"{times:,}",
            "nothing: read, or named",
        ),
        Row(
            "Settings, records, models of strangers",
            "made by hypothesis",
            f"{examples:,} of each",
            "nothing: read, or refused",
        ),
    ]


def locks(folder: pathlib.Path, times: int) -> list[Row]:
    """Start a second training in the run directory of the first."""
    config = tiny(iterations=10_000, save_every=10_000)
    first = start(config, folder / "run", folder / "first.log")
    try:
        while not (folder / "run" / "config.json").exists():
            time.sleep(0.1)
        for _ in range(times):
            assert start(config, folder / "run", folder / "second.log").wait() == 2
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()
    said = (folder / "second.log").read_text()
    assert said.count("another training is at work") == times
    how = "the same command while it runs"
    return [Row("Two trainings in one run", how, str(times), "nothing: refused")]


def memory(folder: pathlib.Path, times: int) -> list[Row]:
    """Train for 10,000 iterations and watch memory, files and threads."""
    every = 1000
    config = tiny(
        iterations=times, save_every=every, sample_every=every, log_every=10, jit=True
    )
    process = start(config, folder / "run", folder / "log")
    status = pathlib.Path(f"/proc/{process.pid}")
    seen = []
    while process.poll() is None:
        try:
            megabytes = int((status / "statm").read_text().split()[1]) * 4096 / 1e6
            handles = len(list((status / "fd").iterdir()))
            threads = len(list((status / "task").iterdir()))
            seen.append((time.monotonic(), megabytes, handles, threads))
        except OSError:
            break
        time.sleep(1)
    assert process.wait() == 0
    after = np.array(seen[len(seen) // 3 :])  # caches are full by then
    share = (after[:, 0] - seen[0][0]) / (seen[-1][0] - seen[0][0])
    slope = np.polyfit(share * config.iterations / 1000, after[:, 1], 1)[0]
    low, high = after[:, 1].min(), after[:, 1].max()
    spread = [f"{x.min():.0f} to {x.max():.0f}" for x in after[:, 2:].T]
    return [
        Row(
            "Long runs",
            f"{times:,} iterations, looked at every second",
            "1",
            f"memory {low:.0f} to {high:.0f} MB, {slope:+.1f} MB per 1,000 iterations; "
            f"{spread[0]} files, {spread[1]} threads",
        )
    ]


FAULTS: dict[Callable[[pathlib.Path, int], list[Row]], int] = {
    kills: 12,
    saves: 200,
    flips: 500,
    disks: 30,
    numbers: 1,
    files: 20_000,
    locks: 3,
    memory: 10_000,
}


def main() -> None:
    """Run what is named, or all, and print the table."""
    chosen = dict(name.partition("=")[::2] for name in sys.argv[1:])
    rows = []
    for fault, times in FAULTS.items():
        if chosen and fault.__name__ not in chosen:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{fault.__name__}-") as folder:
            rows += fault(
                pathlib.Path(folder), int(chosen.get(fault.__name__) or times)
            )
        seconds = time.monotonic() - began
        print(f"{fault.__name__}: {seconds:.0f} s", file=sys.stderr, flush=True)
    print("| fault | how it was made | how often | what was lost |\n|---|---|---|---|")
    for row in rows:
        print("|", " | ".join(row), "|")


if __name__ == "__main__":
    main()
