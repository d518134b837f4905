"""What belongs to the package beside code: configurations, page, locked versions."""

import pathlib
import re

import pytest

from tfstargan import resources
from tfstargan.config import Config
from tfstargan.errors import UserError

ROOT = pathlib.Path(__file__).parents[1]
CRITTERS = ROOT / "configs" / "critters.flags"


@pytest.mark.parametrize("name", ["critters.flags", "configs/critters.flags"])
def test_a_configuration_is_found_by_its_name_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resources.configuration(name) == CRITTERS
    assert Config.from_flagfile(name) == Config.from_flagfile(CRITTERS)


def test_one_s_own_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "critters.flags").write_text("--img_size=64\n")
    assert Config.from_flagfile("configs/critters.flags").img_size == 64


@pytest.mark.parametrize(
    "name",
    ["configs/nothing.flags", "other/critters.flags", "critters", "../critters.flags"],
)
def test_what_is_not_so_named_is_the_file_itself(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resources.configuration(name) == pathlib.Path(name)
    with pytest.raises(UserError, match="can't be read"):
        Config.from_flagfile(name)


def test_the_page_of_a_checkout_is_its_own():
    assert resources.page_dir() == ROOT / "web_demo"
    assert not resources.installed()


def test_both_lock_files_have_the_same_versions():
    def locked(name: str) -> set[str]:
        text = (ROOT / name).read_text()
        return set(re.findall(r"^(\S+==\S+) ", text, re.M))  # without the platforms

    run_time, all_extras = locked("requirements-run.lock"), locked("requirements.lock")
    assert len(run_time) > 30
    assert run_time < all_extras
