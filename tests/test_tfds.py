"""TensorFlow Datasets as domains, on small data sets made on the spot."""

import logging
import pathlib
import sys

import numpy as np
import pytest
import requests
from conftest import tiny
from PIL import Image

from tfstargan.data.stream import batches, open_images
from tfstargan.data.tfds import TFDS, parse
from tfstargan.errors import UserError

tfds = pytest.importorskip("tensorflow_datasets")


class Made(tfds.core.GeneratorBasedBuilder):
    """A data set whose images are told by their colour: red is their number."""

    VERSION = tfds.core.Version("1.0.0")

    def _split_generators(self, dl_manager):
        return {part: self._generate_examples(part, 6) for part in self.PARTS}

    def _image(self, number: int) -> np.ndarray:
        return np.full((20, 30, 3), (number, 7, 0), np.uint8)


class MadePets(Made):
    """Labelled as oxford_iiit_pet is: breeds in `label`, cat or dog in `species`."""

    PARTS = ("train", "test")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(names=["pug", "persian", "husky"]),
            "species": tfds.features.ClassLabel(names=["Cat", "Dog"]),
            "file_name": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _generate_examples(self, part, count):
        for i in range(count):
            breed = i % 3
            yield (
                i,
                {
                    "image": self._image(i + 100 * (part == "test")),
                    "label": breed,
                    "species": "Cat" if breed == 1 else "Dog",
                    "file_name": str(i),
                },
            )


class MadeFaces(Made):
    """With attributes, as celeb_a."""

    PARTS = ("train", "validation")

    def _info(self):
        attributes = {name: np.bool_ for name in ("Bald", "Male")}
        features = {
            "image": tfds.features.Image(shape=(20, 30, 3), encoding_format="jpeg"),
            "attributes": attributes,
            "landmarks": {"nose_x": np.int64},
        }
        return tfds.core.DatasetInfo(
            builder=self, features=tfds.features.FeaturesDict(features)
        )

    def _generate_examples(self, part, count):
        for i in range(count):
            yield (
                i,
                {
                    "image": self._image(40 * i),
                    "attributes": {"Bald": False, "Male": i < 2},
                    "landmarks": {"nose_x": i},
                },
            )


class MadeCycle(Made):
    """Split by domain, as cycle_gan."""

    PARTS = ("trainA", "trainB", "testA", "testB")

    def _info(self):
        features = {
            "image": tfds.features.Image(),
            "label": tfds.features.ClassLabel(names=["A", "B"]),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _generate_examples(self, part, count):
        for i in range(count):
            number = i + 100 * part.endswith("B") + 50 * part.startswith("test")
            yield i, {"image": self._image(number), "label": part[-1]}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("tfds"))


def reds(image_set: TFDS, domain: int) -> set[int]:
    """The numbers of a domain's images."""
    return {
        image_set.image(domain, i).getpixel((3, 3))[0]
        for i in range(image_set.count(domain))
    }


def test_domains_are_the_classes_of_the_named_label(data_dir):
    pets = TFDS("tfds:made_pets:species", data_dir, "train")
    assert pets.domains == ("Cat", "Dog")
    assert [reds(pets, k) for k in range(2)] == [{1, 4}, {0, 2, 3, 5}]
    assert pets.image(0, 0).size == (30, 20)


def test_without_a_label_it_is_the_data_set_s_own(data_dir):
    breeds = TFDS("tfds:made_pets:1.0.0", data_dir, "val")
    assert breeds.domains == ("pug", "persian", "husky")
    assert [reds(breeds, k) for k in range(3)] == [{100, 103}, {101, 104}, {102, 105}]


def test_an_attribute_makes_two_domains(data_dir):
    faces = TFDS("tfds:made_faces:Male", data_dir, "val")
    assert faces.domains == ("not_Male", "Male")
    assert [faces.count(k) for k in range(2)] == [4, 2]
    assert max(reds(faces, 1)) < 50  # a JPEG's red, about 0 and 40


def test_parts_of_a_split_are_joined(data_dir):
    train, val = (TFDS("tfds:made_cycle", data_dir, s) for s in ("train", "val"))
    assert train.domains == val.domains == ("A", "B")
    assert [reds(train, k) for k in range(2)] == [{*range(6)}, {*range(100, 106)}]
    assert [reds(val, k) for k in range(2)] == [{*range(50, 56)}, {*range(150, 156)}]


def test_chosen_domains_keep_their_order(data_dir):
    chosen = TFDS("tfds:made_pets", data_dir, "train", ("husky", "pug"))
    assert [reds(chosen, k) for k in range(2)] == [{2, 5}, {0, 3}]


def test_the_stream_resumes_where_it_stopped(data_dir):
    config = tiny(
        dataset="tfds:made_pets:species", data_dir=data_dir, domains=(), iterations=4
    )
    whole = list(batches(open_images(config, "train"), config))
    rest = list(batches(open_images(config, "train"), config, start=2))
    assert len(rest) == 2
    for a, b in zip(whole[2:], rest, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    ("dataset", "domains", "message"),
    [
        ("no_such_data_set", (), "tfds:no_such_data_set: .*no_such_data_set"),
        ("made_pets:breed", (), "no label 'breed'.* one of label, species"),
        ("made_faces", (), "no label 'label'.* one of Bald, Male"),
        ("made_faces:Bald", (), "no image of Bald"),
        ("made_pets", ("pug", "dachshund"), "no dachshund; it has pug, persian"),
        ("made_pets:9.9.9", (), "9.9.9"),
    ],
)
def test_what_is_not_there_is_named(data_dir, dataset, domains, message):
    with pytest.raises(UserError, match=message):
        TFDS(f"tfds:{dataset}", data_dir, "train", domains)


BOX = """<annotation><size><width>30</width><height>20</height></size><object><bndbox>
<xmin>1</xmin><xmax>9</xmax><ymin>2</ymin><ymax>8</ymax></bndbox></object></annotation>"""


def pets_archive(folder: pathlib.Path) -> None:
    """Write the files that the archives of oxford_iiit_pet contain, of six animals."""
    for name in ("images", "annotations/trimaps", "annotations/xmls"):
        (folder / name).mkdir(parents=True)
    lines = {"trainval": [], "test": []}
    for i in range(6):
        name, part = f"a_{i}", "test" if i > 3 else "trainval"
        lines[part].append(f"{name} {1 + i} {1 + i % 2} 1\n")
        Image.new("RGB", (30, 20), (40 * i, 7, 0)).save(folder / f"images/{name}.jpg")
        Image.new("L", (30, 20)).save(folder / f"annotations/trimaps/{name}.png")
        (folder / f"annotations/xmls/{name}.xml").write_text(BOX)
    for part, some in lines.items():
        (folder / f"annotations/{part}.txt").write_text("".join(some))


def test_a_data_set_of_the_catalogue_is_prepared(tmp_path, monkeypatch):
    pets_archive(tmp_path / "archive")
    archives = dict.fromkeys(("images", "annotations"), str(tmp_path / "archive"))
    manager = tfds.download.DownloadManager
    monkeypatch.setattr(manager, "download_and_extract", lambda *_: archives)
    pets = TFDS("tfds:oxford_iiit_pet:species", str(tmp_path / "data"), "train")
    assert pets.domains == ("Cat", "Dog")
    assert [pets.count(k) for k in range(2)] == [2, 2]
    assert pets.image(1, 0).size == (30, 20)
    assert [*pets.fingerprint()] == ["oxford_iiit_pet/4.0.0, train: 4 images"]


def test_a_data_set_that_cannot_be_downloaded_is_named(tmp_path, monkeypatch, caplog):
    def fail(*_):
        logging.getLogger("urllib3.connectionpool").warning("Retrying")
        raise requests.exceptions.ConnectionError("Name or service not known")

    monkeypatch.setattr(tfds.download.DownloadManager, "download_and_extract", fail)
    with pytest.raises(UserError, match="tfds:oxford_iiit_pet: Name or service") as e:
        TFDS("tfds:oxford_iiit_pet:species", str(tmp_path / "data"), "train")
    assert "\n" not in str(e.value)
    assert "Retrying" not in caplog.text


def test_a_data_set_prepared_without_random_access_is_refused(tmp_path):
    tfds.builder("made_cycle", data_dir=tmp_path).download_and_prepare()
    with pytest.raises(UserError, match="choose another data_dir"):
        TFDS("tfds:made_cycle", str(tmp_path), "train")


def test_without_tfds_a_line_says_what_to_install(monkeypatch, data_dir):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r"pip install 'tfstargan\[tfds\]'"):
        TFDS("tfds:made_pets", data_dir, "train")


def test_a_version_is_part_of_the_name_not_a_label():
    assert parse("tfds:celeb_a:Male") == ("celeb_a", "Male")
    assert parse("tfds:cycle_gan/horse2zebra:3.0.0") == (
        "cycle_gan/horse2zebra:3.0.0",
        "",
    )
    assert parse("tfds:celeb_a:2.*.*:Male") == ("celeb_a:2.*.*", "Male")
