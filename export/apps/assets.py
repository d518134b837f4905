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
from tfstargan.exported.contract import MAP_LATENT, TRANSLATE, Contract
from tfstargan.exported.latents import seeded_latent
from tfstargan.files import atomic_folder
from tfstargan.runs.run import Run

MAIN = pathlib.Path(__file__).parents[2] / "android_demo" / "app" / "src" / "main"


ASSETS = MAIN / "assets"


def write_assets(
    run: Run, model: pathlib.Path, assets: pathlib.Path, references: int
) -> None:
    """Write the app's assets.

    What an earlier call wrote is replaced, all of it or nothing.

    Args:
        run: whose data gives the reference pictures.
        model: the folder of an exported model.
        assets: the folder to write into.
        references: pictures of each domain; none with 0.

    Raises:
        UserError: if the model is not what the app takes, or it can't be written.
    """
    contract = Contract.load(model)
    if contract.batch != 1:
        count = contract.batch or "any number of"
        raise UserError(f"{model}: takes {count} pictures at once, the app has one")
    try:
        with atomic_folder(assets) as folder:
            split(model, contract, folder / "model")
            endpoints = runtime.load(folder / "model")
            check_signatures(contract, endpoints)
            write_test_picture(contract, endpoints, folder / "check")
            write_references(run.config, folder / "references", references)
    except OSError as error:
        raise UserError(f"{assets}: can't be written ({error})") from error


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
    """Raise a UserError unless the model has the tensors that its contract promises."""
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


def write_test_picture(
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
    """Write some pictures of each domain; none where the data is not at hand."""
    folder.mkdir()
    if not count:
        return
    try:
        image_set = open_images(config.reading(skip_broken=True), "val")
    except UserError as error:
        print(f"{error}\nThe app comes without reference pictures.")
        return
    for label in range(len(config.domains)):
        for index in range(min(count, image_set.count(label))):
            picture = images.square(image_set.image(label, index), config.img_size)
            # By its label: a domain's name may be any.
            images.save(np.asarray(picture), folder / str(label) / f"{index:02}.png")


def fill_app(
    run: Run, variant: str, checkpoint: int | str | None, references: int
) -> str:
    """Write the app's assets, the model exported first if it is not yet.

    Args:
        run: the run.
        variant: of VARIANTS.
        checkpoint: its iteration, or "best"; by default the newest.
        references: images of each domain.

    Returns:
        What was put where, in a line.

    Raises:
        UserError: if there is no app beside the package, or it can't be written.
    """
    if not MAIN.is_dir():
        raise UserError(
            f"{MAIN}: no such folder; run this from a checkout of tfstargan"
        )
    model = exported(run, variant, checkpoint)
    write_assets(run, model, ASSETS, references)
    size = sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file())
    return f"{ASSETS} ({size / 1e6:.1f} MB), of {model}"
