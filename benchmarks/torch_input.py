"""The input pipeline of `input.py` in PyTorch: a DataLoader with torchvision.

`input.py --torch_python` starts this. For each line of its input it runs for a few
seconds and prints images per second, and milliseconds of processor time per image,
workers included. It is written as a user of PyTorch would write it: Pillow,
torchvision's transforms, one process for each core.
"""

import argparse
import os
import pathlib
import random
import time

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Triples(Dataset):
    """A source, two references and two latents; domains equally likely."""

    def __init__(self, root: pathlib.Path, img_size: int, length: int):
        self.domains = [sorted(d.rglob("*.*")) for d in sorted(root.iterdir())]
        self.length = length
        crop = transforms.RandomResizedCrop(img_size, (0.8, 1.0), (0.9, 1.1))
        self.transform = transforms.Compose(
            [
                transforms.RandomApply([crop], p=0.5),
                transforms.Resize((img_size, img_size)),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

    def __len__(self) -> int:
        return self.length

    def image(self, domain: int) -> torch.Tensor:
        """A random image of a domain, augmented, [3, H, W] in [-1, 1]."""
        file = random.choice(self.domains[domain])
        return self.transform(Image.open(file).convert("RGB"))

    def __getitem__(self, index: int) -> tuple:
        y_src, y_trg = (random.randrange(len(self.domains)) for _ in range(2))
        images = [self.image(domain) for domain in (y_src, y_trg, y_trg)]
        return *images, y_src, y_trg, torch.randn(16), torch.randn(16)


def processor_seconds(processes: list[int]) -> float:
    """Processor time of processes so far (Linux)."""
    used = 0
    for process in processes:
        fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2]
        used += sum(int(ticks) for ticks in fields.split()[11:13])  # user, system
    return used / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure once for each line of the input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path)
    parser.add_argument("--img_size", type=int)
    parser.add_argument("--batch_size", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    triples = Triples(options.root, options.img_size, 10**6)
    print(f"torch {torch.__version__}, {options.workers} workers", flush=True)
    while True:
        input()
        loader = DataLoader(
            triples, options.batch_size, num_workers=options.workers, drop_last=True
        )
        batches = iter(loader)
        for _ in range(2 * options.workers + 1):  # the first batches of the workers
            next(batches)
        processes = [os.getpid(), *(worker.pid for worker in batches._workers)]
        count, start = 0, time.perf_counter()
        used = processor_seconds(processes)
        while time.perf_counter() - start < options.seconds:
            next(batches)
            count += 3 * options.batch_size
        seconds = time.perf_counter() - start
        used = processor_seconds(processes) - used
        del batches
        print(count / seconds, used / count * 1000, flush=True)


if __name__ == "__main__":
    try:
        main()
    except EOFError:
        pass
