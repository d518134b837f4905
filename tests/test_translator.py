"""Translation by latent and by reference, in Python."""

import pathlib

import numpy as np
import pytest
from conftest import tiny
from PIL import Image

from tfstargan import images
from tfstargan.data.stream import open_images
from tfstargan.errors import UserError
from tfstargan.networks.build import build_networks, translating
from tfstargan.runs.run import Run, open_run
from tfstargan.training.loop import train_run
from tfstargan.training.stargan import StarGANv2
from tfstargan.translation.ahead import ahead
from tfstargan.translation.compiled import EAGER_CALLS
from tfstargan.translation.folders import plan, translate_folder
from tfstargan.translation.grids import (
    Examples,
    animate,
    draw_all,
    reference_grid,
    reference_styles,
)
from tfstargan.translation.styles import NamedStyle, styles_of_references
from tfstargan.translation.translator import MEAN_STYLE_LATENTS, Translator

COUNT = 35  # more than a batch


@pytest.fixture(scope="module")
def translator(run_dir) -> Translator:
    return Translator.load(str(run_dir))


@pytest.fixture(scope="module")
def examples(translator) -> Examples:
    return Examples.choose(open_images(translator.config, "val"), 32)


def test_it_translates_with_the_averaged_networks_of_the_checkpoint(
    run_dir, translator, examples
):
    run = open_run(str(run_dir))
    model = StarGANv2(run.config)
    model.compile()
    run.load(model)
    x = examples.sources[:3]
    style = translator.random_style("cat", seed=3)
    z = np.random.default_rng(3).standard_normal((1, 5), np.float32)
    expected = model.averages["mapping_network"](z, np.array([1]))
    np.testing.assert_array_equal(style, expected)
    expected = model.averages["generator"](x, np.repeat(style, 3, axis=0))
    np.testing.assert_array_equal(translator.apply_styles(x, style), expected)
    assert not np.array_equal(expected, model.generator(x, np.repeat(style, 3, axis=0)))
    styles = translator.encode_styles(x, "rabbit")
    np.testing.assert_array_equal(
        styles, model.averages["style_encoder"](x, np.full(3, 2))
    )


def test_many_images_are_computed_in_chunks_like_one(translator):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (COUNT, 32, 32, 3)).astype(np.float32)
    styles = translator.encode_styles(x, "bear")
    assert styles.shape == (COUNT, 6)
    last = translator.apply_styles(x, styles)[-1:]
    alone = translator.apply_styles(x[-1:], styles[-1:])
    np.testing.assert_allclose(last, alone, atol=1e-4)


def test_images_in_many_styles_are_what_each_translation_gives(translator):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (COUNT, 32, 32, 3)).astype(np.float32)
    styles = [translator.random_style("cat", 1), translator.encode_styles(x, "bear")]
    for style, fakes in zip(styles, translator.in_styles(x, styles), strict=True):
        np.testing.assert_array_equal(fakes, translator.apply_styles(x, style))


def test_a_residual_generator_adds_its_change_in_every_style():
    config = tiny(residual=True)
    networks = build_networks(config, translating(config))
    translator = Translator(config, networks)
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    styles = rng.standard_normal((2, 3, config.style_dim), np.float32)
    for style, fakes in zip(styles, translator.in_styles(x, styles), strict=True):
        np.testing.assert_allclose(fakes, networks["generator"](x, style), atol=1e-5)


def test_a_graph_gives_the_images_of_calls_without_one(translator):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (translator.batch, 32, 32, 3)).astype(np.float32)
    style = np.repeat(translator.random_style("cat", 1), len(x), axis=0)
    expected = translator.networks["generator"](x, style).numpy()
    for _ in range(EAGER_CALLS + 2):
        found = translator.apply_styles(x, style)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        levels = [images.to_uint8(fakes).astype(int) for fakes in (found, expected)]
        apart = abs(levels[0] - levels[1])
        assert apart.max() <= 1
        assert (apart > 0).mean() <= 1e-4


def test_few_sources_are_translated_into_many_styles_at_once(translator):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 32, 32, 3)).astype(np.float32)
    styles = [translator.random_style("cat", seed) for seed in range(25)]
    fakes = [*translator.in_styles(x, styles)]
    assert len(fakes) == 25
    for style, some in zip(styles, fakes, strict=True):
        alone = translator.apply_styles(x, style)
        np.testing.assert_allclose(some, alone, rtol=0, atol=1e-5)


def test_a_folder_is_translated_as_each_image_is(translator, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        noise = rng.integers(0, 256, (20, 24, 3), np.uint8)
        images.save(noise, tmp_path / "in" / f"{i:02d}.png")
    styles = [
        NamedStyle(name, translator.random_style(name, 1)) for name in ("cat", "bear")
    ]
    said = translate_folder(translator, tmp_path / "in", styles, tmp_path / "out")
    assert said == f"{2 * COUNT} images in {tmp_path / 'out'}"
    for i in (0, COUNT - 1):
        x = translator.read(tmp_path / "in" / f"{i:02d}.png")[None]
        for name, code in styles:
            with Image.open(tmp_path / "out" / f"{i:02d}-to-{name}.png") as image:
                expected = images.to_uint8(translator.apply_styles(x, code)[0])
                assert abs(np.asarray(image, int) - expected).max() <= 1
    again = translate_folder(translator, tmp_path / "in", styles[:1], tmp_path / "out")
    assert f"({COUNT} replaced)" in again


def test_an_interrupted_folder_holds_complete_images_only(translator, tmp_path):
    class Interrupted(Translator):
        def in_styles(self, sources, styles, batch=None):
            yield np.zeros_like(sources)
            raise KeyboardInterrupt

    for i in range(3):
        images.save(np.zeros((20, 24, 3), np.uint8), tmp_path / "in" / f"{i}.png")
    styles = [NamedStyle(name, np.zeros((1, 6), np.float32)) for name in "ab"]
    interrupted = Interrupted(translator.config, translator.networks)
    with pytest.raises(KeyboardInterrupt):
        translate_folder(interrupted, tmp_path / "in", styles, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert path.name.endswith("-to-a.png")
        assert images.read(path).size == (32, 32)


def test_results_come_in_order_from_threads_and_not_too_early():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    for i, result in enumerate(ahead(lambda i: 10 * i, items(), most=4)):
        assert result == 10 * i
        assert len(taken) <= i + 5


def test_an_error_in_a_thread_comes_in_its_place():
    found = []
    with pytest.raises(ZeroDivisionError):
        found.extend(ahead(lambda i: 1 / i, [1, 2, 0, 4]))
    assert found == [1.0, 0.5]


def test_psi_goes_from_the_mean_style_to_the_random_one(translator):
    mean, style = translator.mean_style("cat"), translator.random_style("cat", 7)
    halfway = translator.random_style("cat", 7, psi=0.5)
    np.testing.assert_allclose(halfway[0], (mean + style[0]) / 2, atol=1e-5)
    np.testing.assert_allclose(translator.random_style("cat", 7, 0.0)[0], mean)
    assert not np.allclose(mean, translator.mean_style("bear"))


def test_the_mean_style_is_that_of_many_latents(translator):
    styles = [translator.random_style("rabbit", seed) for seed in range(300)]
    spread = np.std(styles, axis=0)[0]
    distance = np.abs(np.mean(styles, axis=0)[0] - translator.mean_style("rabbit"))
    assert (distance < 5 * spread / np.sqrt(300)).all()


def test_the_mean_styles_of_all_domains_take_one_pass(translator, monkeypatch):
    network, seen = translator.networks["mapping_network"], []
    all_domains = network.all_domains

    def counted(z):
        seen.append(len(z))
        return all_domains(z)

    monkeypatch.setattr(network, "all_domains", counted)
    fresh = Translator(translator.config, translator.networks)
    means = [fresh.mean_style(domain) for domain in fresh.domains]
    assert sum(seen) == MEAN_STYLE_LATENTS
    z = np.random.default_rng(fresh.config.seed).standard_normal(
        (MEAN_STYLE_LATENTS, fresh.config.latent_dim), np.float32
    )
    expected = network(z, np.full(len(z), 1, np.int32)).numpy().mean(0)
    np.testing.assert_allclose(means[1], expected, rtol=1e-4, atol=1e-6)


class ManyDomains:
    """150 domains of a color each."""

    domains = tuple(f"domain {k}" for k in range(150))

    def count(self, label):
        return 3

    def image(self, label, index):
        return Image.new("RGB", (40, 32), (label, index, 0))


def test_a_grid_of_many_domains_shows_twelve_of_them():
    examples = Examples.choose(ManyDomains(), 32)
    assert examples.sources.shape == (12, 32, 32, 3)
    assert [*examples.references] == [f"domain {k * 150 // 12}" for k in range(12)]
    assert np.unique(images.to_uint8(examples.sources)[..., 0]).size == 12


def test_an_unknown_domain_or_checkpoint_is_refused(run_dir, translator):
    with pytest.raises(UserError, match="this run has bear, cat, rabbit"):
        translator.random_style("dragon", 1)
    with pytest.raises(UserError, match="no such checkpoint; there are 3"):
        Translator.load(str(run_dir), checkpoint=99)


def test_a_checkpoint_of_another_architecture_is_refused(run_dir, tmp_path):
    run = Run(run_dir, tiny(style_dim=9))
    with pytest.raises(UserError, match="can't be loaded"):
        Translator.of_run(run)


def test_a_reference_s_domain_is_its_folder_s_name_unless_given(translator, tmp_path):
    picture = images.to_uint8(np.zeros((40, 50, 3)))
    images.save(picture, tmp_path / "cat" / "a.png")
    files = [tmp_path / "cat" / "a.png"]
    (style,) = styles_of_references(translator, files, "")
    x = translator.read(files[0])[None]
    np.testing.assert_array_equal(style.code, translator.encode_styles(x, "cat"))
    (style,) = styles_of_references(translator, files, "bear")
    np.testing.assert_array_equal(style.code, translator.encode_styles(x, "bear"))
    assert style.name == "bear-like-a"


def test_output_files_keep_the_folders_of_the_sources():
    styles = [NamedStyle("cat-seed1", np.zeros((1, 6)))]
    files = [pathlib.Path("in/a/x.jpg"), pathlib.Path("in/b/x.jpg")]

    class Folder(type(pathlib.Path())):
        def is_dir(self) -> bool:
            return True

    targets = [t for *_, t in plan(Folder("in"), files, styles, pathlib.Path("out"))]
    assert [str(t) for t in targets] == [
        "out/a/x-to-cat-seed1.png",
        "out/b/x-to-cat-seed1.png",
    ]
    with pytest.raises(UserError, match=r"^out=one\.png: there are several"):
        list(plan(Folder("in"), files, styles, pathlib.Path("one.png")))


def test_grids_have_sources_above_and_references_at_the_left(translator, examples):
    grid = reference_grid(translator, examples)
    cell = 96 + 2
    assert grid.shape == (10 * cell + 2, 10 * cell + 2, 3)
    assert (grid[2:98, 2:98] == 255).all()
    source = images.to_uint8(examples.sources[4]).repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(grid[2:98, 2 + 5 * cell :][:, :96], source)
    reference = images.to_uint8(examples.references["cat"][1])
    np.testing.assert_array_equal(
        grid[2 + 5 * cell :, 2:98][:96], reference.repeat(3, 0).repeat(3, 1)
    )
    fake = translator.apply_styles(
        examples.sources[4:5],
        translator.encode_styles(examples.references["cat"][1:2], "cat"),
    )
    shown = grid[2 + 5 * cell :, 2 + 5 * cell :][:96:3, :96:3]
    assert abs(shown.astype(int) - images.to_uint8(fake[0])).max() <= 1
    # A row each of nine latents below the sources; psi 0 is one style a domain.
    latents = draw_all(translator, examples, [0.0])["latents-psi0"]
    assert latents.shape == (10 * cell + 2, 9 * cell + 2, 3)
    rows = [latents[2 + i * cell :][:96] for i in range(10)]
    np.testing.assert_array_equal(rows[1], rows[2])
    assert not np.array_equal(rows[3], rows[4])


def test_a_cycle_ends_in_the_source_s_own_style(translator, examples):
    grid = draw_all(translator, examples)["cycles"]
    cell = 96 + 2
    assert grid.shape == (4 * cell + 2, 9 * cell + 2, 3)
    cat = examples.sources[3:4]
    rabbits = examples.references["rabbit"][:1]
    fake = translator.apply_styles(cat, translator.encode_styles(rabbits, "rabbit"))
    back = translator.apply_styles(fake, translator.encode_styles(cat, "cat"))
    column = grid[:, 2 + 3 * cell :][:, :96:3]
    for row, picture in enumerate((cat, rabbits, fake, back)):
        shown = column[2 + row * cell :][:96:3].astype(int)
        assert abs(shown - images.to_uint8(picture[0])).max() <= 1


def test_an_animation_s_style_passes_every_stop(translator, examples):
    styles = reference_styles(translator, examples)
    assert len(styles) == 9
    np.testing.assert_allclose(
        styles[1], translator.encode_styles(examples.references["cat"][:1], "cat")
    )
    frames = list(animate(translator, examples, styles))
    assert len(frames) == 9 * 12
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert not np.array_equal(frames[0][100:], frames[12][100:])
    np.testing.assert_array_equal(frames[0][:98], frames[50][:98])  # the sources stay
    halfway = translator.apply_styles(examples.sources[:1], (styles[0] + styles[1]) / 2)
    shown = frames[6][100 : 100 + 96 : 3, 2 : 2 + 96 : 3].astype(int)
    assert abs(shown - images.to_uint8(halfway[0])).max() <= 1


@pytest.mark.slow
def test_thirty_domains_of_unequal_size_train_and_translate(eager, tmp_path):
    for k in range(30):
        for i in range(2 + k % 3):
            file = tmp_path / "data" / "train" / f"d{k:02d}" / f"{i}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (8 * k, 255 - 8 * k, 90 * i)).save(file)
    config = tiny(
        dataset="folder", data_dir=str(tmp_path / "data"), domains=(), iterations=1
    )
    train_run(config, tmp_path / "run")
    translator = Translator.load(str(tmp_path / "run"))
    assert translator.domains == tuple(f"d{k:02d}" for k in range(30))
    styles = np.concatenate([translator.random_style(d, 0) for d in translator.domains])
    assert len(np.unique(styles.round(6), axis=0)) == 30
    source = np.zeros((1, 32, 32, 3), np.float32)
    fakes = translator.apply_styles(source.repeat(30, axis=0), styles)
    assert np.isfinite(fakes).all()
    grids = (tmp_path / "run" / "samples").glob("iteration-0000001-*.png")
    assert len(list(grids)) == 3
