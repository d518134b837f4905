"""The settings of a run: defaults, files, and what is refused."""

import dataclasses
import pathlib

import pytest
from conftest import tiny

from tfstargan.config import Config, TrainOptions
from tfstargan.errors import UserError
from tfstargan.settings import parse

CONFIGS = sorted(pathlib.Path(__file__).parents[1].glob("configs/*.flags"))


def resolve(*arguments: str) -> Config:
    config, _ = parse((Config, TrainOptions), arguments)
    return config


def test_the_configurations_are_there():
    names = [path.stem for path in CONFIGS]
    assert names == [
        "afhq",
        "celeba",
        "critters",
        "critters64",
        "custom",
        "emoji",
        "new-animal",
        "photos128",
        "photos256",
        "photos64",
    ]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_configuration_parses(path):
    config, options = parse((Config, TrainOptions), [f"--flagfile={path}"])
    assert config.w_hpf == (1 if path.stem == "celeba" else 0)
    assert options.run_dir == f"runs/{path.stem}"
    assert config.img_size >= 32
    assert Config.from_flagfile(path) == config


def test_the_defaults_are_the_reference_s_for_afhq():
    config = resolve()
    assert config == Config()
    assert config.img_size == 256
    assert config.batch_size == 8
    assert (config.lambda_ds, config.lambda_reg) == (2, 1)
    assert (config.lambda_sty, config.lambda_cyc) == (1, 1)
    assert (config.learning_rate, config.mapping_learning_rate) == (1e-4, 1e-6)
    assert config.iterations == config.ds_iterations == 100_000
    assert config.ema_decay == 0.999
    assert config.seed == 777


def test_what_comes_after_a_flagfile_wins():
    file = CONFIGS[0].with_name("critters.flags")
    assert resolve(f"--flagfile={file}", "--iterations=7").iterations == 7
    assert Config.from_flagfile(file, iterations=7).iterations == 7


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
        ("data_dir", "gs://bucket/photos"),
        ("img_size", 48),
        ("img_size", 16),
        ("img_size", 2048),
        ("patch_size", 3),
        ("patch_size", 2),  # of 32 x 32 pixels, 16 x 16 are left
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
        ("domains", ("cat", "../dog")),
        ("domains", ("cat", 3)),
        ("generator", "heavy"),
        ("light_width", 0.0),
        ("precision", "float8"),
        ("w_hpf", -1.0),
        ("seed", -1),
        ("seed", 2**32),
        ("seed", 1.5),
        ("jit", 1),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_by_name(name, value):
    with pytest.raises(UserError) as caught:
        tiny(**{name: value})
    assert caught.value.as_flags.startswith((f"--{name}", "--batch_size"))
    assert str(caught.value).startswith((name, "batch_size"))


def test_the_library_speaks_of_arguments_and_commands_of_flags():
    with pytest.raises(UserError) as caught:
        Config(img_size=100)
    rule = "must be a power of two from 32 to 1024"
    assert str(caught.value) == f"img_size=100 {rule}"
    assert caught.value.as_flags == f"--img_size=100: {rule}"


def test_what_a_resumed_run_may_change_is_said_beside_each_setting():
    free = {f.name for f in dataclasses.fields(Config) if Config.may_change(f.name)}
    assert free >= {"data_dir", "iterations", "learning_rate", "jit", "save_every"}
    assert not free & {"img_size", "style_dim", "seed", "batch_size", "domains"}


def test_data_of_tfds_may_be_in_a_bucket():
    assert tiny(dataset="tfds:pets", data_dir="gs://bucket").data_dir == "gs://bucket"


def test_domains_can_be_those_of_data():
    class Data:
        domains = ("cat", "dog")

    assert Config().with_domains(Data()).domains == ("cat", "dog")
