"""Settings: flags, files, and what is refused."""

import dataclasses
import pathlib

import pytest
from absl import flags
from conftest import tiny

from tfstargan.config import SCHEDULE, Config, define_flags, from_flags
from tfstargan.errors import UserError

CONFIGS = sorted(pathlib.Path(__file__).parents[1].glob("configs/*.flags"))


@pytest.fixture
def flag_values():
    """Define the flags of training and forget them afterwards."""
    define_flags()
    flags.DEFINE_string("run_dir", "", "as in train.py")
    yield flags.FLAGS
    for name in [*(f.name for f in dataclasses.fields(Config)), "run_dir"]:
        delattr(flags.FLAGS, name)
    flags.FLAGS.unparse_flags()


def resolve(*arguments: str) -> Config:
    flags.FLAGS(["train", *arguments])
    return from_flags()


def test_the_configurations_are_there():
    names = [path.stem for path in CONFIGS]
    assert names == ["afhq", "celeba", "critters", "critters64", "custom"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_parses(flag_values, path):
    config = resolve(f"--flagfile={path}")
    assert config.w_hpf == (1 if path.stem == "celeba" else 0)
    assert flags.FLAGS.run_dir == f"runs/{path.stem}"
    assert config.img_size >= 32


def test_the_defaults_are_the_reference_s_for_afhq(flag_values):
    config = resolve()
    assert config.img_size == 256
    assert config.batch_size == 8
    assert (config.lambda_ds, config.lambda_reg) == (2, 1)
    assert (config.lambda_sty, config.lambda_cyc) == (1, 1)
    assert (config.learning_rate, config.mapping_learning_rate) == (1e-4, 1e-6)
    assert config.iterations == config.ds_iterations == 100_000
    assert config.ema_decay == 0.999
    assert config.seed == 777


def test_the_command_line_after_a_flagfile_wins(flag_values):
    file = CONFIGS[0].with_name("critters.flags")
    assert resolve(f"--flagfile={file}", "--iterations=7").iterations == 7


def test_an_unknown_flag_is_refused(flag_values):
    with pytest.raises(flags.UnrecognizedFlagError, match="nope"):
        resolve("--nope=1")


def test_settings_survive_a_file(tmp_path):
    config = tiny(lambda_ds=0.25)
    config.save(tmp_path / "config.json")
    assert Config.load(tmp_path / "config.json") == config


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"nope": 1}', '{"img_size": "64"}', '{"seed": null}']
)
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError):
        Config.load(tmp_path / "config.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", "mnist"),
        ("img_size", 48),
        ("img_size", 16),
        ("img_size", 2048),
        ("channel_base", 16),
        ("channel_max", 0),
        ("batch_size", 0),
        ("iterations", 0),
        ("lambda_cyc", -1.0),
        ("ema_decay", 1.0),
        ("beta2", 1.0),
        ("flip_probability", 1.5),
        ("learning_rate", -1e-4),
        ("learning_rate", float("nan")),
        ("replicas", 3),  # four images can't be split
        ("domains", ("cat",)),
        ("domains", ("cat", "cat")),
        ("w_hpf", -1.0),
        ("seed", -1),
        ("seed", 1.5),
        ("jit", 1),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(UserError, match=f"--({name}|batch_size)"):
        tiny(**{name: value})


def test_what_a_resumed_run_may_change_are_settings():
    assert {f.name for f in dataclasses.fields(Config)} >= SCHEDULE
    assert not SCHEDULE & {"img_size", "style_dim", "seed", "batch_size", "domains"}
