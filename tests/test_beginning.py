"""A run that begins with another's weights, with domains of its own."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
from commands import refusal
from conftest import tiny
from PIL import Image

from tfstargan import files
from tfstargan.config import Config
from tfstargan.errors import UserError
from tfstargan.runs.run import Run, open_run
from tfstargan.training.beginning import begin_from, describe_parent, parse_like
from tfstargan.training.dry_run import dry_run
from tfstargan.training.loop import train_run
from tfstargan.training.stargan import StarGANv2

NEW = ("cat", "fox", "owl")  # of which the run has the first


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> pathlib.Path:
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for domain in NEW:
        folder = root / "train" / domain
        folder.mkdir(parents=True)
        for i in range(3):
            pixels = rng.integers(256, size=(32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def parent(run_dir) -> StarGANv2:
    run = open_run(run_dir)
    model = StarGANv2(run.config)
    run.load(model)
    return model


def child(run_dir: pathlib.Path, like: dict[str, str]) -> StarGANv2:
    model = StarGANv2(tiny(dataset="folder", data_dir="x", domains=NEW))
    begin_from(model, run_dir, like=like)
    return model


def outputs(model: StarGANv2, domain: str) -> list[np.ndarray]:
    """What the networks with heads say of the same inputs in a domain."""
    rng = np.random.default_rng(1)
    z = rng.standard_normal((2, model.config.latent_dim), np.float32)
    x = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    y = np.full(2, model.config.domains.index(domain), np.int32)
    return [
        np.asarray(network(inputs, y))
        for network, inputs in [
            (model.mapping_network, z),
            (model.style_encoder, x),
            (model.discriminator, x),
            (model.averages["mapping_network"], z),
            (model.averages["style_encoder"], x),
        ]
    ]


def test_domains_find_their_heads(run_dir, parent):
    model = child(run_dir, {"fox": "rabbit"})
    for ours, theirs in [("cat", "cat"), ("fox", "rabbit")]:
        pairs = zip(outputs(model, ours), outputs(parent, theirs), strict=True)
        for found, right in pairs:
            np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
    each = [outputs(parent, domain)[1] for domain in parent.config.domains]
    np.testing.assert_allclose(  # the style encoder's heads are linear
        outputs(model, "owl")[1], np.mean(each, axis=0), rtol=1e-5, atol=1e-6
    )
    for name in ("generator", "discriminator"):
        old, new = getattr(parent, name), getattr(model, name)
        kernels = [network.weights[0].numpy() for network in (old, new)]
        np.testing.assert_array_equal(*kernels)


def inner_weights(model: StarGANv2, side: int) -> list[np.ndarray]:
    """The weights of the layers whose feature maps have at most this side."""
    generator, trunks = model.generator, [model.style_encoder, model.discriminator]
    doublings = int(np.log2(side // 16)) - generator.halvings
    layers = [
        *generator.encode[-2 - doublings :],
        *generator.decode[: 2 + doublings],
        *(x for net in trunks for x in net.trunk.blocks[-int(np.log2(side // 4)) :]),
        *(x for net in trunks for x in (net.trunk.to_pixel, net.heads)),
        model.mapping_network,
    ]
    return [weight.numpy() for layer in layers for weight in layer.weights]


@pytest.mark.parametrize("generator", ["full", "light"])
@pytest.mark.parametrize("sides", [(32, 128), (64, 32)])
def test_another_image_size_keeps_the_inner_layers(tmp_path, sides, generator):
    widths = {"channel_base": 512, "channel_max": 16, "light_width": 0.75}
    old, new = (
        tiny(img_size=side, generator=generator, seed=side, **widths) for side in sides
    )
    with Run.start(tmp_path, old) as run:
        parent = StarGANv2(old)
        parent.compile()
        run.save(parent)
    model = StarGANv2(new)
    outer = [w.numpy() for w in model.generator.from_rgb.weights]
    about = begin_from(model, tmp_path)
    assert about["img_size"] == old.img_size
    told = describe_parent(about, new)
    assert told.endswith(
        f", of {sides[0]} x {sides[0]}: the outer layers have random weights"
    )
    both = (inner_weights(m, min(sides)) for m in (parent, model))
    for theirs, ours in zip(*both, strict=True):
        np.testing.assert_array_equal(theirs, ours)
    for before, after in zip(outer, model.generator.from_rgb.weights, strict=True):
        np.testing.assert_array_equal(before, after.numpy())


@pytest.mark.parametrize(
    "settings", [{}, {"generator": "light"}, {"residual": True}], ids=str
)
@pytest.mark.parametrize("patch_size", [1, 2])
def test_with_larger_patches_a_run_begins_as_its_parent_on_squares(
    tmp_path, patch_size, settings
):
    side = 32 * patch_size
    old = tiny(img_size=side, patch_size=patch_size, seed=1, **settings)
    new = dataclasses.replace(old, img_size=2 * side, patch_size=2 * patch_size, seed=2)
    with Run.start(tmp_path, old) as run:
        parent = StarGANv2(old)
        parent.compile()
        for weight in parent.generator.weights:  # biases, too
            weight.assign_add(0.1)
        run.save(parent)
    model = StarGANv2(new)
    about = begin_from(model, tmp_path)
    told = describe_parent(about, new)
    assert f", of {side} x {side}" in told
    assert told.endswith(": a pixel of it begins as 2 x 2 pixels here")
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (2, 2 * side, 2 * side, 3)).astype(np.float32)
    means = x.reshape(2, side, 2, side, 2, 3).mean((2, 4))
    even = means.repeat(2, 1).repeat(2, 2)
    detail = x - even if old.residual else 0.0  # kept, whatever the squares become
    s = rng.standard_normal((2, old.style_dim), np.float32)
    y = np.array([0, 1], np.int32)
    translated = np.asarray(parent.generator(means, s)).repeat(2, 1).repeat(2, 2)
    np.testing.assert_allclose(model.generator(x, s), detail + translated, atol=1e-4)
    for name in ("style_encoder", "discriminator"):
        found = getattr(model, name)(x, y)
        right = getattr(parent, name)(means, y)
        np.testing.assert_allclose(found, right, atol=1e-4)


def test_smaller_patches_keep_the_inner_layers_and_say_so(tmp_path):
    old = tiny(img_size=64, patch_size=2)
    with Run.start(tmp_path, old) as run:
        parent = StarGANv2(old)
        parent.compile()
        run.save(parent)
    for new in (tiny(img_size=32), tiny(img_size=64)):
        model = StarGANv2(new)
        told = describe_parent(begin_from(model, tmp_path), new)
        assert ", of 64 x 64 in patches of 2: the outer layers have random" in told
        both = (inner_weights(m, 32) for m in (parent, model))
        for theirs, ours in zip(*both, strict=True):
            np.testing.assert_array_equal(theirs, ours)


@pytest.mark.parametrize(
    "widths",
    [
        {"channel_base": 100, "channel_max": 512},
        {"generator": "light", "channel_base": 80, "light_width": 0.8},  # 64 is one
    ],
)
def test_widths_that_another_image_size_would_change_are_refused(tmp_path, widths):
    old, new = (tiny(img_size=side, **widths) for side in (32, 64))
    with Run.start(tmp_path, old) as run:
        model = StarGANv2(old)
        model.compile()
        run.save(model)
    with pytest.raises(UserError, match="must be a multiple of both"):
        begin_from(StarGANv2(new), tmp_path)


@pytest.mark.slow
def test_a_run_remembers_its_parent_and_needs_it_once(
    run_dir, data_dir, tmp_path, eager, small_grids, capsys
):
    parent = shutil.copytree(run_dir, tmp_path / "parent")
    checkpoint = open_run(parent).checkpoint()
    config = tiny(dataset="folder", data_dir=str(data_dir), domains=(), iterations=1)
    options = {"init_from": parent, "like": {"owl": "bear"}}
    run = train_run(config, tmp_path / "child", **options)
    told = (
        f"begins with: {parent}, iteration 3\nbegin as the mean of its domains: fox (--"
    )
    assert told in capsys.readouterr().err
    about = json.loads(run.about.read_text())["parent"]
    assert about["iteration"] == 3
    assert about["sha256"] == files.checksum(checkpoint)
    assert about["domains"] == {"cat": "cat", "fox": None, "owl": "bear"}
    shutil.rmtree(parent)
    config = tiny(dataset="folder", data_dir=str(data_dir), domains=(), iterations=2)
    run = train_run(config, tmp_path / "child", **options)
    assert json.loads(run.about.read_text())["parent"] == about
    told = capsys.readouterr().err
    assert "begins with" not in told
    assert "is not read" not in told
    options["init_from"] = tmp_path / "another"
    train_run(dataclasses.replace(config, iterations=3), tmp_path / "child", **options)
    told = capsys.readouterr().err
    assert f"is not read: the run began with {parent}" in told
    assert "other settings" not in told  # more iterations are none
    config = dataclasses.replace(config, iterations=4, lambda_other=0.1)
    train_run(config, tmp_path / "child", **options)
    told = capsys.readouterr().err
    assert "goes on with other settings: lambda_other was 0.0, is 0.1\n" in told


@pytest.mark.parametrize(
    ("settings", "like", "said"),
    [
        ({"style_dim": 7}, {}, "style_dim=6 there, 7 here"),
        ({"generator": "light"}, {}, "generator=full there, light here"),
        ({"residual": True}, {}, "residual=False there, True here"),
        ({"img_size": 64, "channel_base": 160}, {}, "channel_base=128 there"),
        ({}, {"dog": "cat"}, "like=dog:cat: the data has cat, fox, owl"),
        ({}, {"fox": "dog"}, "has bear, cat, rabbit"),
    ],
)
def test_unfit_parents_and_names_are_refused(run_dir, settings, like, said):
    config = Config(
        **vars(tiny(dataset="folder", data_dir="x", domains=NEW)) | settings
    )
    with pytest.raises(UserError, match=said):
        begin_from(StarGANv2(config), run_dir, like=like)


def test_errors_name_the_flags_of_the_parent(run_dir):
    model = StarGANv2(tiny())
    with pytest.raises(UserError, match=r"^init_checkpoint=last must be an iteration"):
        begin_from(model, run_dir, "last")
    with pytest.raises(UserError, match=r"^init_from=preset:plants: no such preset"):
        begin_from(model, "preset:plants")


def test_a_run_that_was_begun_without_a_parent_gets_none(run_dir):
    with pytest.raises(UserError, match="begun without it"):
        train_run(tiny(), run_dir, init_from=run_dir)


def test_a_start_that_came_to_nothing_leaves_no_parent(tmp_path):
    with Run.start(tmp_path, tiny(), {"iteration": 1}) as run:
        assert run.parent() == {"iteration": 1}
    with Run.start(tmp_path, tiny()) as run:
        assert run.parent() is None


def test_a_dry_run_tries_the_parent(run_dir):
    with pytest.raises(UserError, match="style_dim=6 there, 7 here"):
        dry_run(tiny(style_dim=7), run_dir)


@pytest.mark.parametrize("pair", ["fox", ":dog", "fox:", "fox:dog,fox:cat"])
def test_likenesses_are_pairs(pair):
    with pytest.raises(UserError, match="like="):
        parse_like(pair.split(","))


def test_a_missing_parent_leaves_nothing(data_dir, tmp_path):
    line = refusal(
        "tfstargan.train",
        f"--data_dir={data_dir}",
        "--img_size=32",
        "--run_dir=child",
        "--init_from=nowhere",
        cwd=tmp_path,
    )
    assert "--init_from=nowhere: no run there" in line
    assert not (tmp_path / "child").exists()
    line = refusal("tfstargan.train", "--like=fox:dog", cwd=tmp_path)
    assert "needs --init_from=RUN" in line
