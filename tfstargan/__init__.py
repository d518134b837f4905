"""StarGAN v2 in TensorFlow and Keras 3, from training to the phone.

    import tfstargan as sg

    config = sg.Config.from_flagfile("configs/custom.flags", data_dir="data/mine")
    run = sg.train_run(config, "runs/mine")
    translator = sg.Translator.load("runs/mine")
    translator.translate("cat.jpg", domain="dog", seed=3).save("dog.png")

Names are imported at their first use. Importing the package alone takes little time
and does not change TensorFlow, Keras or the environment.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.litert.exporting import export_run
    from tfstargan.config import Config
    from tfstargan.data.batch import Batch
    from tfstargan.data.stream import dataset
    from tfstargan.errors import UserError
    from tfstargan.metrics.evaluation import evaluate_run
    from tfstargan.runs.run import Run, open_run
    from tfstargan.training.distillation import distill_run
    from tfstargan.training.loop import train_run
    from tfstargan.training.stargan import StarGANv2
    from tfstargan.translation.clips import translate_clip
    from tfstargan.translation.translator import Translator

__version__ = "0.2.0"

__all__ = [
    "Batch",
    "Config",
    "Run",
    "StarGANv2",
    "Translator",
    "UserError",
    "__version__",
    "dataset",
    "distill_run",
    "evaluate_run",
    "export_run",
    "open_run",
    "train_run",
    "translate_clip",
]

_HOMES = {
    "Batch": "tfstargan.data.batch",
    "Config": "tfstargan.config",
    "Run": "tfstargan.runs.run",
    "StarGANv2": "tfstargan.training.stargan",
    "Translator": "tfstargan.translation.translator",
    "UserError": "tfstargan.errors",
    "dataset": "tfstargan.data.stream",
    "distill_run": "tfstargan.training.distillation",
    "evaluate_run": "tfstargan.metrics.evaluation",
    "export_run": "export.litert.exporting",
    "open_run": "tfstargan.runs.run",
    "train_run": "tfstargan.training.loop",
    "translate_clip": "tfstargan.translation.clips",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'tfstargan' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
