"""A run as one .tflite file (LiteRT) with its JSON beside it.

    python -m export.tflite --run_dir=R

writes RUN/export/stargan.tflite, stargan.json, and check.png: sources, their
translations by Keras, and those by the file. The file is run in the LiteRT interpreter
on real pictures first; one that differs from Keras is not written.
"""

import os
import pathlib
import tempfile

import numpy as np
import tensorflow as tf
from absl import flags
from ai_edge_litert.interpreter import Interpreter

from export.signatures import signatures, write_description, write_saved_model
from export.verify import Endpoints, real_pictures, verify
from tfstargan import cli, images
from tfstargan.run import Run
from tfstargan.translator import Translator


def convert(translator: Translator) -> bytes:
    """Return the networks as a float32 TFLite flatbuffer with the three signatures."""
    names = [signature.name for signature in signatures(translator.config)]
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(translator, pathlib.Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=names
        )
        # Built-in operations alone: no phone has TensorFlow's own (Flex).
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()


def load(model: bytes | pathlib.Path) -> Endpoints:
    """Return the signatures of a .tflite as functions of named arrays."""
    source = (
        {"model_content": model}
        if isinstance(model, bytes)
        else {"model_path": str(model)}
    )
    interpreter = Interpreter(**source, num_threads=os.cpu_count())
    names = interpreter.get_signature_list()
    return {name: interpreter.get_signature_runner(name) for name in names}


def contact_sheet(
    translator: Translator, endpoints: Endpoints, pictures: np.ndarray
) -> np.ndarray:
    """Return rows of sources, Keras' translations and the file's, one seed a column."""
    fakes, exported = [], []
    for i, picture in enumerate(pictures):
        domain = translator.domains[i % len(translator.domains)]
        style = translator.random_style(domain, seed=i)
        fakes.append(translator.translate(picture[None], style)[0])
        exported.append(
            endpoints["translate"](x_src=picture[None], s=style)["x_fake"][0]
        )
    rows = (pictures, np.stack(fakes), np.stack(exported))
    return images.grid([[*images.to_uint8(row)] for row in rows])


def main() -> None:
    """Export a run, and say how far the file is from Keras."""
    run = Run.open(flags.FLAGS.run_dir)
    translator = Translator.of_run(run, flags.FLAGS.checkpoint)
    pictures = real_pictures(run.config)
    model = convert(translator)
    endpoints = load(model)
    verify(translator, endpoints, pictures)
    sheet = contact_sheet(translator, endpoints, pictures)
    run.export_dir.mkdir(parents=True, exist_ok=True)
    file = run.export_dir / "stargan.tflite"
    file.write_bytes(model)
    description = write_description(translator, run.export_dir)
    images.save(sheet, run.export_dir / "check.png")
    print(f"{file} ({file.stat().st_size / 1e6:.1f} MB)")
    print(description)
    print(run.export_dir / "check.png")


if __name__ == "__main__":
    cli.define_run_flags()
    cli.start(main)
