"""What Python, the page and the Android app must compute alike, as JSON.

    python tests/write_vectors.py

writes tests/vectors/*.json; tests/vectors/README.md says in words what is in them, and
tests/test_vectors.py checks that those committed are these. Images are raw bytes, so
that no decoder is involved.
"""

import base64
import hashlib
import itertools
import json
import pathlib
from typing import Any

import numpy as np
from android.frames import camera
from PIL import Image

from tfstargan import images
from tfstargan.exported.latents import seeded_latent, splitmix64

FOLDER = pathlib.Path(__file__).with_name("vectors")

# width, height, wanted side: odd and even, wide and tall, enlarged, reduced, unchanged
SIZES = (
    (1, 1, 4),
    (3, 2, 8),
    (7, 5, 8),
    (5, 8, 7),
    (16, 16, 16),
    (17, 40, 16),
    (31, 17, 8),
    (50, 50, 7),
    (64, 33, 32),
    (120, 9, 4),
    (41, 97, 12),
)


def image(width: int, height: int, seed: int) -> np.ndarray:
    """Noise, with only black and white at the left and a ramp at the right."""
    count = width * height * 3
    noise = [bits & 255 for bits in itertools.islice(splitmix64(seed), count)]
    pixels = np.array(noise, np.uint8).reshape(height, width, 3)
    third = width // 3
    pixels[:, :third] = np.where(pixels[:, :third] < 128, 0, 255)
    ramp = np.linspace(0, 255, height).astype(np.uint8)
    pixels[:, width - third :] = ramp[:, None, None]
    return pixels


def preprocess() -> dict:
    """Images, and the inputs of a network that they become."""
    cases = []
    for seed, (width, height, side) in enumerate(SIZES):
        pixels = image(width, height, seed)
        square = images.square(Image.fromarray(pixels), side)
        cases.append(
            {
                "width": width,
                "height": height,
                "rgb": encode(pixels),
                "img_size": side,
                "square": encode(np.asarray(square)),
                "floats": encode(images.to_float(square).astype("<f4")),
            }
        )
    levels = images.to_float(np.arange(256, dtype=np.uint8))
    return {"cases": cases, "float_of_byte": numbers(levels)}


def postprocess() -> dict:
    """Floats, including ties and values out of range, and their bytes."""
    ties = (np.arange(0, 255, 17) + 0.5) / 127.5 - 1
    near = np.concatenate([ties - 1e-6, ties + 1e-6])
    outside = np.array([-1e30, -7.5, -1.0000001, -1, -0.0, 0, 1, 1.0000001, 3, 1e30])
    levels = images.to_float(np.arange(256, dtype=np.uint8))
    floats = np.concatenate([outside, ties, near, levels]).astype(np.float32)
    return {"floats": numbers(floats), "bytes": images.to_uint8(floats).tolist()}


def latents() -> dict:
    """Seeds, their first 64-bit numbers, and their latents."""
    seeds = (0, 1, 2, 3, 42, 99, 2**32, 2**53 - 1)
    cases = [
        {
            "seed": seed,
            "bits": [str(b) for b in itertools.islice(splitmix64(seed), 4)],
            "latent": numbers(seeded_latent(seed, 16)[0]),
        }
        for seed in seeds
    ]
    odd = {"seed": 7, "bits": [], "latent": numbers(seeded_latent(7, 5)[0])}
    return {"cases": [*cases, odd]}


def styles() -> dict:
    """Styles between a style and its domain's mean (psi), and between two styles."""
    mean, style, other = (seeded_latent(seed, 6)[0] for seed in (100, 101, 102))
    shares = (0.0, 0.25, 0.5, 0.7, 1.0)
    return {
        "mean": numbers(mean),
        "style": numbers(style),
        "other": numbers(other),
        "psi": [
            {"psi": psi, "style": numbers(between(mean, style, psi))} for psi in shares
        ],
        "interpolate": [
            {"share": share, "style": numbers(between(style, other, share))}
            for share in shares
        ],
    }


def between(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """The style at a fraction of the way from one to another."""
    return first + np.float32(share) * (second - first)


MODEL = b"not a model, but the bytes that the contract speaks of"
CHECKPOINT = hashlib.sha256(b"a checkpoint").hexdigest()
SIGNATURES = ("map_latent", "encode_style", "translate")
DOMAINS = ("bear", "cat", "rabbit")
Json = dict[str, Any]


def contract() -> dict:
    """Descriptions (stargan.json) that must be accepted, and others to refuse."""
    whole = description()
    split = description(split=True)
    files = {"stargan.tflite": MODEL}
    three = {f"{name}.tflite": name.encode() for name in SIGNATURES}
    empty_quality = whole | {"quality": {}}
    valid = [
        case("one file", whole, files),
        case("a file for each signature", split, three),
        case("no figures of quality", empty_quality, files),
        case("a key from the future", whole | {"a": "b"}, files),
        case("of version 0.1", first_version(whole), files),
    ]
    broken = [
        case(name, changed(whole, path, value), files) | {"names": names}
        for name, path, value, names in CHANGES
    ]
    text = json.dumps(whole)
    broken += [
        {"case": "cut off", "text": text[:100], "files": {}, "names": "stargan.json"},
        {
            "case": "no JSON at all",
            "text": "<html>",
            "files": {},
            "names": "stargan.json",
        },
        {"case": "a list", "text": "[1, 2]", "files": {}, "names": "stargan.json"},
        case("no model beside it", whole, {}) | {"names": "stargan.tflite"},
        case("a model cut off", whole, {"stargan.tflite": MODEL[:-9]})
        | {"names": "stargan.tflite"},
        case("a model with another byte", whole, {"stargan.tflite": b"N" + MODEL[1:]})
        | {"names": "stargan.tflite"},
    ]
    four = case("four images at once", description(batch=4), files)
    return {"valid": valid, "broken": broken, "unfit": [four | {"names": "batch"}]}


GONE = object()  # stands for a key to remove
# (what is broken, where, which value, the word that the message must contain)
CHANGES: tuple[tuple[str, tuple[Any, ...], Any, str], ...] = (
    ("of another program", ("format",), "onnx", "tfstargan"),
    ("no format", ("format",), GONE, "tfstargan"),
    ("an older version", ("format_version",), 1, "format_version"),
    ("a newer version", ("format_version",), 3, "format_version"),
    ("no size", ("img_size",), GONE, "img_size"),
    ("a size in words", ("img_size",), "32", "img_size"),
    ("a broken size", ("img_size",), 32.5, "img_size"),
    ("a size of zero", ("img_size",), 0, "img_size"),
    ("a negative latent_dim", ("latent_dim",), -16, "latent_dim"),
    ("no style_dim", ("style_dim",), GONE, "style_dim"),
    ("a batch of none", ("batch",), 0, "batch"),
    ("no domains", ("domains",), [], "domains"),
    ("domains that are no names", ("domains",), [1, 2, 3], "domains"),
    ("a domain twice", ("domains",), ["bear", "cat", "cat"], "domains"),
    ("no mean styles", ("mean_styles",), GONE, "mean_styles"),
    ("a mean style missing", ("mean_styles", "cat"), GONE, "mean_styles"),
    ("a mean style too short", ("mean_styles", "cat"), [0.5], "mean_styles"),
    ("a mean style of words", ("mean_styles", "cat"), ["a"] * 6, "mean_styles"),
    ("no signatures", ("signatures",), GONE, "signatures"),
    ("no translate", ("signatures", "translate"), GONE, "translate"),
    (
        "no style to put in",
        ("signatures", "translate", "inputs", "s"),
        GONE,
        "translate",
    ),
    (
        "an image of another size",
        ("signatures", "translate", "inputs", "x_src", "shape"),
        [1, 64, 64, 3],
        "translate",
    ),
    (
        "a label of floats",
        ("signatures", "map_latent", "inputs", "y", "dtype"),
        "float32",
        "map_latent",
    ),
    (
        "a style of another length",
        ("signatures", "encode_style", "outputs", "s", "shape"),
        [1, 7],
        "encode_style",
    ),
    ("no files", ("files",), GONE, "files"),
    (
        "a file that is not listed",
        ("signatures", "translate", "file"),
        "other.tflite",
        "translate",
    ),
    (
        "a file outside its folder",
        ("signatures", "translate", "file"),
        "../stargan.tflite",
        "stargan.tflite",
    ),
    ("no hash", ("files", "stargan.tflite", "sha256"), GONE, "sha256"),
    (
        "a hash too short",
        ("files", "stargan.tflite", "sha256"),
        "abc",
        "stargan.tflite",
    ),
    ("a length in words", ("files", "stargan.tflite", "bytes"), "54", "bytes"),
)


def description(split: bool = False, batch: int = 1) -> Json:
    """The description that an export writes beside a model, with short styles."""
    pixels, style = [batch, 32, 32, 3], [batch, 6]
    image = {"shape": pixels, "dtype": "float32", "range": "RGB in [-1, 1]"}
    label = {"shape": [batch], "dtype": "int32", "range": "label of the domain, 0 to 2"}
    latent = {"shape": [batch, 16], "dtype": "float32", "range": "N(0, 1)"}
    code = {"shape": style, "dtype": "float32", "range": "style code, unbounded"}
    fake = image | {"range": "RGB, about [-1, 1]: clip it"}
    tensors = {
        "map_latent": ({"z": latent, "y": label}, {"s": code}),
        "encode_style": ({"x_ref": image, "y": label}, {"s": code}),
        "translate": ({"x_src": image, "s": code}, {"x_fake": fake}),
    }
    contents = {"stargan.tflite": MODEL}
    if split:
        contents = {f"{name}.tflite": name.encode() for name in SIGNATURES}
    signatures = {
        name: {
            "file": f"{name}.tflite" if split else "stargan.tflite",
            "inputs": inputs,
            "outputs": outputs,
        }
        for name, (inputs, outputs) in tensors.items()
    }
    means = {
        domain: numbers(seeded_latent(100 + label, 6)[0])
        for label, domain in enumerate(DOMAINS)
    }
    return {
        "format": "tfstargan",
        "format_version": 2,
        "variant": "float32",
        "run": {"name": "demo", "iteration": 4000, "checkpoint": CHECKPOINT},
        "min_runtime_version": "2.3.0",
        "img_size": 32,
        "style_dim": 6,
        "latent_dim": 16,
        "batch": batch,
        "domains": list(DOMAINS),
        "mean_styles": means,
        "preprocessing": images.PREPROCESSING,
        "postprocessing": images.POSTPROCESSING,
        "signatures": signatures,
        "files": {
            file: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for file, data in contents.items()
        },
        "quality": {"psnr": 70.1},
    }


def first_version(described: Json) -> Json:
    """A description without the keys that version 0.1 did not write."""
    old = changed(described, ("run", "checkpoint"), GONE)
    return changed(old, ("min_runtime_version",), GONE)


def case(name: str, described: Json, files: dict[str, bytes]) -> dict:
    """A folder: the text of its stargan.json, and the files beside it."""
    encoded = {file: encode(data) for file, data in files.items()}
    return {"case": name, "text": json.dumps(described), "files": encoded}


def changed(described: Json, path: tuple[Any, ...], value: Any) -> Json:
    """A copy with another value at a path, or without one."""
    result = json.loads(json.dumps(described))  # the same tensor is in it many times
    *parents, last = path
    inner = result
    for key in parents:
        inner = inner[key]
    if value is GONE:
        del inner[last]
    else:
        inner[last] = value
    return result


def encode(data: np.ndarray | bytes) -> str:
    """Bytes, or the bytes of an array, as base64."""
    raw = data if isinstance(data, bytes) else data.tobytes()
    return base64.b64encode(raw).decode()


def numbers(values: np.ndarray) -> list[float]:
    """float32 numbers as the shortest decimals that give them back."""
    return [float(str(value)) for value in np.asarray(values, np.float32)]


def files() -> dict[str, str]:
    """The text of each file by its name."""
    contents = (preprocess, postprocess, latents, styles, contract, camera)
    return {f"{f.__name__}.json": json.dumps(f(), indent=1) + "\n" for f in contents}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
        print(FOLDER / name)
