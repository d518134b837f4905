"""Record files that PyTorch writes, and a file of ours that it has read.

    PYTHON tests/record_pytorch.py

PYTHON has PyTorch and the dependencies of this project; PyTorch 2.13 wrote the present
files. goldens/pytorch-zip.pt and goldens/pytorch-stream.pt are PyTorch's two formats.
`pytorch_file.save` writes goldens/for-pytorch.pt; the script fails unless PyTorch loads
the values of `for_pytorch` from it. `test_pytorch_file.py` compares with these files.
"""

import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent
GOLDENS = HERE / "goldens"
BASE = np.arange(24).reshape(4, 6)
TYPES = ("float32", "float64", "float16", "int64", "int32", "bool", "uint8")
KERNEL = np.arange(60, dtype="f4").reshape(5, 3, 2, 2)


def by_pytorch() -> dict:
    """The contents of PyTorch's files, as arrays."""
    return {
        **{name: BASE.astype(name) for name in TYPES},
        "bfloat16": BASE.astype("f4"),  # NumPy has none
        "turned": BASE.T,
        "part": BASE[1:, 2::3],
        "number": np.array(2.5, "f4"),
        "state": {"0.weight": KERNEL, "0.bias": KERNEL[:, 0, 0, 0]},
        "parameter": BASE.astype("f4"),
    }


def for_pytorch() -> dict:
    """The contents of our file."""
    values = np.linspace(-3, 3, 24, dtype="f4")
    tree: dict = {"net": {"w": values.reshape(4, 6).T, "n": np.array(7)}}
    return tree | {t: values.astype(t) for t in "f4 f8 f2 i8 i4 ? u1".split()}


def main() -> None:
    """Write the three files."""
    sys.path.insert(0, str(HERE.parent))
    import torch

    from tfstargan.reference import pytorch_file

    base = torch.arange(24).reshape(4, 6)
    tree = {name: base.to(getattr(torch, name)) for name in (*TYPES, "bfloat16")}
    tree |= {"turned": base.t(), "part": base[1:, 2::3], "number": torch.tensor(2.5)}
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 2))
    network[0].weight.data = torch.tensor(KERNEL)
    network[0].bias.data = torch.tensor(KERNEL[:, 0, 0, 0].copy())
    tree |= {"state": network.state_dict(), "parameter": torch.nn.Parameter(base + 0.0)}
    for form in ("zip", "stream"):
        file = GOLDENS / f"pytorch-{form}.pt"
        torch.save(tree, file, _use_new_zipfile_serialization=form == "zip")

    ours = GOLDENS / "for-pytorch.pt"
    pytorch_file.save(ours, for_pytorch())
    found = torch.load(ours, weights_only=True)
    expected = for_pytorch()
    for tensors, arrays in ((found.pop("net"), expected.pop("net")), (found, expected)):
        assert tensors.keys() == arrays.keys()
        for name, array in arrays.items():
            tensor = tensors[name]
            assert tensor.is_contiguous()
            assert tensor.numpy().dtype == array.dtype
            np.testing.assert_array_equal(tensor.numpy(), array)
    print(f"PyTorch {torch.__version__}:", *sorted(GOLDENS.glob("*.pt")))


if __name__ == "__main__":
    main()
