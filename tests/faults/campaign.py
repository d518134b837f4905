"""Produce every fault many times and print what was lost, the table of robustness.md.

    python tests/faults/campaign.py                   all; an hour or more on two cores
    python tests/faults/campaign.py kills=9 numbers   these two, the first nine times

The tests in this folder produce each fault a few times.
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
from tfstargan.runs.run import Run, open_run  # noqa: E402

PER_EXAMPLE = 20  # damaged images per example of Hypothesis, which takes longer


class Row(NamedTuple):
    """A line of the table."""

    fault: str
    how: str
    times: str
    lost: str


def start(config: object, run_dir: pathlib.Path, log: pathlib.Path) -> subprocess.Popen:
    """Start training in a process of its own."""
    command = [sys.executable, "-m", "tfstargan.train", *flags_of(config)]
    with log.open("ab") as file:
        return subprocess.Popen([*command, f"--run_dir={run_dir}"], stderr=file)


def wait_for_save(process: subprocess.Popen, folder: pathlib.Path, skip: int) -> None:
    """Wait until training writes a checkpoint, after the first `skip` ones."""
    seen: set[str] = set()
    while process.poll() is None and len(seen) <= skip:
        seen |= {path.name for path in folder.glob("checkpoints/.partial-iter*h5")}
        time.sleep(2e-4)


def losses(run: Run) -> dict[tuple[str, int], set[bytes]]:
    """All logged values, {(name, iteration): {value}}."""
    found = collections.defaultdict(set)
    for file in sorted(run.logs_dir.iterdir()):
        for event in event_file_loader.EventFileLoader(str(file)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "scalars":
                    number = tensor_util.make_ndarray(value.tensor)
                    found[value.tag, event.step].add(np.float32(number).tobytes())
    return found


def assert_same(run: Run, other: Run) -> int:
    """Compare weights, optimizers, losses and grids bit for bit; count the losses."""
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
    """Kill a run again and again, and compare it with an uninterrupted one."""
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
        Row("SIGKILL during a save", "while the file was written", str(in_save), same),
        Row(
            "SIGKILL at other times",
            "at random moments",
            str(in_start),
            "nothing, likewise",
        ),
        Row(
            "SIGTERM",
            "at random moments",
            str(asked),
            f"nothing: saved, exit code {PREEMPTED}, after at most {slowest:.1f} s",
        ),
    ]


def saves(folder: pathlib.Path, times: int) -> list[Row]:
    """Kill a process that only saves."""
    found = saving.kill_saves(folder, times)
    how = f"at random moments, {found.in_mid_save} while the file was written"
    lost = "no complete checkpoint was lost"
    return [Row("SIGKILL of a process that only saves", how, str(found.times), lost)]


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
    how, lost = "one bit flipped, or truncated", "the iterations after the one before"
    return [Row("Damaged newest checkpoint", how, str(times), lost)]


def disks(folder: pathlib.Path, times: int) -> list[Row]:
    """Save until a small file system is full."""
    script = HERE / "filling.py"
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*unshare, sys.executable, str(script), str(folder), str(times)]
    subprocess.run(command, check=True)
    how = "saving to a file system of random size until it was full"
    lost = "nothing: the checkpoint before is complete"
    return [Row("Full disk", how, str(times), lost)]


def numbers(folder: pathlib.Path, times: int) -> list[Row]:
    """Train with NaN in the data, with one replica and in one of two."""
    rows = []
    for replicas in (1, 2):
        script = [sys.executable, str(HERE / "poisoned.py")]
        result = subprocess.run(
            [*script, str(folder / str(replicas)), str(replicas)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        skipped, rollbacks = result.stdout.split()[-2:]
        where = "one of two replicas" if replicas == 2 else "one replica"
        rows.append(
            Row(
                f"NaN in {where}",
                "in the latents of 9 iterations",
                "1",
                f"{skipped} skipped updates, and the iterations since the checkpoint "
                f"({rollbacks} rollbacks)",
            )
        )
    return rows


def files(folder: pathlib.Path, times: int) -> list[Row]:
    """Read damaged images, and JSON files of any content."""
    pictures.read_damaged(times, seed=1)
    test = [sys.executable, "-m", "pytest", "-q", "tests/faults", "-k", "untrusted"]
    examples = times // PER_EXAMPLE
    environment = {"HYPOTHESIS_EXAMPLES": str(examples)}
    subprocess.run(test, cwd=ROOT, env=os.environ | environment, check=True)
    kinds = len(pictures.contents())
    return [
        Row(
            "Damaged images",
            f"bytes changed, or truncated, in {kinds} kinds of file",
            f"{times:,}",
            "nothing: each was read, or named as broken",
        ),
        Row(
            "Damaged settings, records, models",
            "generated by Hypothesis",
            f"{examples:,} of each",
            "nothing: each was read, or refused",
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
    how, lost = (
        "the same command while the first runs",
        "nothing: the second was refused",
    )
    return [Row("Two trainings in one run", how, str(times), lost)]


def memory(folder: pathlib.Path, times: int) -> list[Row]:
    """Train for 10,000 iterations and record memory, open files and threads."""
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
            "A long run",
            f"{times:,} iterations, memory read every second",
            "1",
            f"memory {low:.0f} to {high:.0f} MB, {slope:+.1f} MB per 1,000 iterations; "
            f"{spread[0]} open files, {spread[1]} threads",
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
    """Produce the named faults, or all, and print the table."""
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
    print("| fault | how it was produced | times | what was lost |\n|---|---|---|---|")
    for row in rows:
        print("|", " | ".join(row), "|")


if __name__ == "__main__":
    main()
