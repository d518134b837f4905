"""The assets of the Android app in android_demo/: model, test image, references."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from export.litert import flatbuffer
from export.litert.exporting import exported
from tfstargan import images
from tfstargan.config import Config
from tfstargan.data.critters import Critters
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.exported import runtime
from tfstargan.exported.contract import MAP_LATENT, NAME, TRANSLATE, Contract
from tfstargan.exported.latents import seeded_latent
from tfstargan.files import atomic_folder
from tfstargan.runs.run import Run

MAIN = pathlib.Path(__file__).parents[2] / "android_demo" / "app" / "src" / "main"
MODEL = "model"  # folder of the model in the assets


def write_assets(
    run: Run, model: pathlib.Path, assets: pathlib.Path, references: int
) -> None:
    """Write the app's assets atomically; those of an earlier call are replaced.

    Args:
        run: the run whose data the reference images are from.
        model: the folder of an exported model.
        assets: the folder to write.
        references: reference images of each domain; 0: none.

    Raises:
        UserError: if the app can't use the model, or `assets` is something else or
            can't be written.
    """
    foreign = assets.exists() and not (assets / MODEL / NAME).is_file()
    if foreign and not (assets.is_dir() and not any(assets.iterdir())):
        raise UserError(f"--out={assets}: exists already and has no assets of the app")
    contract = Contract.load(model)
    if contract.batch != 1:
        count = contract.batch or "any number of"
        raise UserError(f"{model}: takes {count} images at once, the app needs 1")
    try:
        with atomic_folder(assets) as folder:
            split(model, contract, folder / MODEL)
            endpoints = runtime.load(folder / MODEL)
            check_signatures(contract, endpoints)
            write_test_image(contract, endpoints, folder / "check")
            write_references(run.config, folder / "references", references)
    except OSError as error:
        raise UserError(f"--out={assets}: can't be written ({error})") from error


def split(model: pathlib.Path, contract: Contract, folder: pathlib.Path) -> None:
    """Write a model with a file for each signature, and its stargan.json."""
    folder.mkdir()
    files = contract.signature_files
    for name, file in files.items():
        content = (model / file).read_bytes()
        if list(files.values()).count(file) > 1:
            content = flatbuffer.cut(content, name)
        (folder / f"{name}.tflite").write_bytes(content)
    own = {name: f"{name}.tflite" for name in files}
    dataclasses.replace(contract, signature_files=own).seal(folder)


def check_signatures(contract: Contract, endpoints: runtime.Endpoints) -> None:
    """Raise a UserError unless the model's tensors are those of its contract."""
    for signature in contract.signatures():
        runner: Any = endpoints[signature.name]
        expected = (
            {t.name: (t.shape, t.dtype) for t in signature.inputs},
            {signature.output.name: (signature.output.shape, signature.output.dtype)},
        )
        found = tuple(
            {
                name: (tuple(map(int, d["shape"])), np.dtype(d["dtype"]).name)
                for name, d in details.items()
            }
            for details in (runner.get_input_details(), runner.get_output_details())
        )
        if found != expected:
            raise UserError(
                f"{contract.signature_files[signature.name]}: {signature.name} has the "
                f"tensors {found}, not {expected}"
            )


def write_test_image(
    contract: Contract, endpoints: runtime.Endpoints, folder: pathlib.Path
) -> None:
    """Write a drawn animal, and its translation to label 0 in the style of seed 0."""
    drawn = Critters("val", contract.img_size, 1).image(0, 0)
    latent = seeded_latent(0, contract.latent_dim)
    style = endpoints[MAP_LATENT](z=latent, y=np.zeros(1, np.int32))["s"]
    fake = endpoints[TRANSLATE](x_src=images.to_float(drawn)[None], s=style)["x_fake"]
    images.save(np.asarray(drawn), folder / "source.png")
    images.save(images.to_uint8(fake[0]), folder / "expected.png")


def write_references(config: Config, folder: pathlib.Path, count: int) -> None:
    """Write some images of each domain; none if the data is not available."""
    folder.mkdir()
    if not count:
        return
    try:
        image_set = open_images(config.reading(skip_broken=True), "val")
    except UserError as error:
        print(f"{error}\nThe app has no reference images.")
        return
    for label in range(len(config.domains)):
        for index in range(min(count, image_set.count(label))):
            image = images.square(image_set.image(label, index), config.img_size)
            # By label: not every name is a file name.
            images.save(np.asarray(image), folder / str(label) / f"{index:02}.png")


def fill_app(
    run: Run,
    variant: str,
    checkpoint: int | str | None,
    references: int,
    out: str = "",
) -> str:
    """Write the app's assets. The model is exported first if it has not been.

    Args:
        run: the run.
        variant: name of VARIANTS.
        checkpoint: its iteration, or "best"; by default the newest.
        references: images of each domain.
        out: the folder of the assets; by default that of android_demo/.

    Returns:
        One line that says what was written.

    Raises:
        UserError: if the app's folder does not exist, or can't be written.
    """
    if not out and not MAIN.is_dir():
        raise UserError(
            f"{MAIN}: no such folder; run this from a checkout of tfstargan, or give "
            "--out"
        )
    assets = pathlib.Path(out) if out else MAIN / "assets"
    model = exported(run, variant, checkpoint)
    write_assets(run, model, assets, references)
    size = sum(file.stat().st_size for file in assets.rglob("*") if file.is_file())
    return f"{assets} ({size / 1e6:.1f} MB), from {model}"
