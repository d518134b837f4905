"""The vectors for page and app: the committed ones are those that Python computes."""

import base64
import json
import pathlib

import numpy as np
import pytest
from write_vectors import FOLDER, between, files

from tfstargan.errors import UserError
from tfstargan.exported.contract import Contract
from tfstargan.exported.latents import seeded_latent

FOLDERS = json.loads((FOLDER / "contract.json").read_text())


@pytest.mark.parametrize("name", files())
def test_the_committed_vectors_are_those_of_python(name):
    assert (FOLDER / name).read_text() == files()[name]


def test_a_seeds_latent_is_gaussian_and_its_neighbours_are_unrelated():
    latents = np.concatenate([seeded_latent(seed, 16) for seed in range(1000)])
    assert abs(latents.mean()) < 0.03
    assert abs(latents.std() - 1) < 0.03
    assert abs(np.mean(latents[:-1] * latents[1:])) < 0.03
    assert abs(np.mean(latents[:, :-1] * latents[:, 1:])) < 0.03


def test_a_longer_latent_starts_as_a_shorter_one():
    np.testing.assert_array_equal(seeded_latent(7, 16)[:, :5], seeded_latent(7, 5))


@pytest.mark.parametrize("seed", [-1, 2**53])
def test_a_seed_that_javascript_cannot_hold_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed={seed}"):
        seeded_latent(seed, 16)


def test_psi_is_the_translators():
    recorded = json.loads((FOLDER / "styles.json").read_text())
    mean, style = (np.float32(recorded[key]) for key in ("mean", "style"))
    for row in recorded["psi"]:
        expected = mean + row["psi"] * (style - mean)  # as Translator.random_style
        np.testing.assert_array_equal(between(mean, style, row["psi"]), expected)
        np.testing.assert_array_equal(np.float32(row["style"]), expected)


def unpack(case: dict, folder: pathlib.Path) -> pathlib.Path:
    (folder / "stargan.json").write_text(case["text"])
    for name, content in case["files"].items():
        (folder / name).write_bytes(base64.b64decode(content))
    return folder


@pytest.mark.parametrize(
    "case", FOLDERS["valid"] + FOLDERS["unfit"], ids=lambda case: case["case"]
)
def test_python_accepts_the_valid_descriptions(case, tmp_path):
    contract = Contract.load(unpack(case, tmp_path))
    assert contract.domains == ("bear", "cat", "rabbit")


@pytest.mark.parametrize("case", FOLDERS["broken"], ids=lambda case: case["case"])
def test_python_refuses_the_broken_descriptions_by_name(case, tmp_path):
    with pytest.raises(UserError) as refusal:
        Contract.load(unpack(case, tmp_path))
    assert case["names"] in str(refusal.value).replace(str(tmp_path), "")
