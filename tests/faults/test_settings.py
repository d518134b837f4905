"""Contradictory flags and untrusted settings are refused before the first step."""

import contextlib
import json
import math
import os

import pytest
from conftest import tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tfstargan.config import Config
from tfstargan.data import shard_index, shards
from tfstargan.errors import UserError
from tfstargan.runs.run import Run
from tfstargan.samples import parse_psi
from tfstargan.training import distribution
from tfstargan.training.loop import train_run

CONTRADICTIONS = {
    "img_size": (100, {}),
    "batch_size": (7, {"replicas": 2}),
    "accumulate": (3, {"batch_size": 8}),
    "channel_base": (16, {"img_size": 32}),
    "patch_size": (2, {"img_size": 32}),
    "replicas": (2, {"tpu": "local"}),
    "probe_every": (5, {"dataset": "folder", "domains": ()}),
    "seed": (2**32, {}),
    "learning_rate": (math.inf, {}),
    "lambda_ds": (math.nan, {}),
    "ema_decay": (1.0, {}),
    "precision": ("float16", {}),
    "rollback_after": (0, {}),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_names_its_flag(name):
    value, others = CONTRADICTIONS[name]
    with pytest.raises(UserError, match=f"^{name}=") as raised:
        tiny(**others | {name: value})
    assert "\n" not in str(raised.value)
    assert raised.value.as_flags.startswith(f"--{name}={value}: ")


@pytest.mark.parametrize("domain", ["../../home", "a/b", "a\\b", ".", "", "a\nb", 3])
def test_a_domain_is_a_name_and_no_path(domain):
    with pytest.raises(UserError, match=r"^domains"):
        tiny(domains=("cat", domain))


def test_resuming_another_architecture_lists_each_difference(tmp_path):
    with Run.start(tmp_path, tiny()):
        pass
    before = (tmp_path / "config.json").read_bytes()
    other = tiny(style_dim=9, channel_max=7, learning_rate=0.5)
    with pytest.raises(UserError) as raised:
        with Run.start(tmp_path, other):
            pass
    assert "style_dim: 6 there, 9 now" in str(raised.value)
    assert "channel_max: 12 there, 7 now" in str(raised.value)
    assert "learning_rate" not in str(raised.value)  # of the schedule
    assert (tmp_path / "config.json").read_bytes() == before


def test_resuming_with_a_smaller_batch_names_what_saves_memory_instead(tmp_path):
    with Run.start(tmp_path, tiny(batch_size=8)):
        pass
    with pytest.raises(UserError) as raised:
        with Run.start(tmp_path, tiny(batch_size=4)):
            pass
    advice = "keep --batch_size=8 and add --accumulate=2"
    assert raised.value.as_flags.endswith(advice)
    with Run.start(tmp_path, tiny(batch_size=8, accumulate=2)):
        pass


def test_a_domain_with_one_image_has_no_two_references(tmp_path):
    for domain, count in (("cat", 1), ("dog", 2)):
        folder = tmp_path / "data" / "train" / domain
        folder.mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (40, 40)).save(folder / f"{i}.png")
    config = tiny(dataset="folder", data_dir=str(tmp_path / "data"), domains=())
    with pytest.raises(UserError, match="domain cat: 1 image"):
        train_run(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_more_replicas_than_devices_and_a_psi_beyond_are_refused():
    with pytest.raises(UserError, match=r"^replicas=9: this machine has 2"):
        distribution.choose_strategy(tiny(replicas=9, batch_size=9))
    for psi in ("1.5", "-0.1", "nan", "one"):
        with pytest.raises(UserError, match=f"^psi={psi} must be numbers from 0"):
            parse_psi(psi)


bounded = settings(
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children) | st.dictionaries(st.text(max_size=8), children)
    ),
    max_leaves=5,
)
untrusted_settings = st.dictionaries(
    st.sampled_from([*Config.__dataclass_fields__, "other"]), json_values, max_size=6
)


@bounded
@given(content=untrusted_settings.map(json.dumps).map(str.encode) | st.binary())
def test_an_untrusted_configuration_is_read_or_refused(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with contextlib.suppress(UserError):  # and no other error
        assert Config.load(path) == Config(**json.loads(content))


@bounded
@given(
    content=st.fixed_dictionaries(
        {},
        optional={
            "domains": json_values | st.just(["a", "b"]),
            "img_size": json_values,
            "splits": json_values
            | st.fixed_dictionaries(
                {"train": st.fixed_dictionaries({"shards": json_values})}
            ),
        },
    )
)
def test_an_untrusted_index_of_records_is_read_or_refused(tmp_path, content):
    (tmp_path / shard_index.INDEX).write_text(json.dumps(content))
    with contextlib.suppress(UserError):  # and no other error
        assert len(shards.Shards(tmp_path, "train").domains) > 1


def test_records_cannot_be_outside_of_their_folder(tmp_path):
    shard = {"file": "../../etc/passwd", "bytes": 1}
    index = {
        "domains": ["a", "b"],
        "img_size": 32,
        "splits": {"train": {"shards": [shard]}},
    }
    (tmp_path / shard_index.INDEX).write_text(json.dumps(index))
    with pytest.raises(UserError, match="no file of this folder"):
        shards.Shards(tmp_path, "train")
