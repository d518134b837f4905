"""The face networks: high-pass skips, FAN's masks and landmarks, its place in a run."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
from parity import GOLDENS, formula

from tfstargan.config import Config
from tfstargan.data.batch import Batch
from tfstargan.errors import UserError
from tfstargan.networks.blocks import AdaINResidualBlock
from tfstargan.networks.fan import (
    FAN,
    CoordConv,
    batch_norm,
    landmarks,
    norm_relu,
    prepare,
)
from tfstargan.networks.generator import Generator
from tfstargan.networks.layers import high_pass
from tfstargan.networks.masks import enlarge, face_masks, masks_of
from tfstargan.reference import parameters, pytorch_file
from tfstargan.training.stargan import StarGANv2

SHAPES = json.loads((GOLDENS / "hpf.json").read_text())["shapes"]
TINY = {
    "domains": ("cat", "dog", "wild"),
    "img_size": 32,
    "channel_base": 128,
    "channel_max": 8,
    "style_dim": 5,
    "latent_dim": 3,
    "hidden_dim": 6,
}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


@pytest.fixture(scope="module")
def fan():
    fan = FAN()
    fan.build((None, 256, 256, 3))
    parameters.from_reference(fan, formula.weights("fan", SHAPES["fan"]))
    return fan


def generator(w_hpf, size=64):
    network = Generator(size, 5, channel_base=128, channel_max=8, w_hpf=w_hpf)
    network.build((None, size, size, 3), (None, 5))
    return network


# The high-pass filter and the generator with it


def test_high_pass_of_a_constant_is_zero_inside():
    filtered = high_pass(tf.fill((3, 5, 7, 2), 4.0), 1.0).numpy()
    np.testing.assert_array_equal(filtered[:, 1:-1, 1:-1], 0)
    np.testing.assert_array_equal(filtered[:, 0, 1:-1], 4 * 3)  # three zeros beyond
    np.testing.assert_array_equal(filtered[:, 0, 0], 4 * 5)


def test_high_pass_is_eight_times_a_pixel_less_its_neighbours_over_its_weight():
    x = noise(2, 4, 6, 3)
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    box = sum(padded[:, i : i + 4, j : j + 6] for i in range(3) for j in range(3))
    np.testing.assert_allclose(high_pass(x, 2.5), (9 * x - box) / 2.5, atol=1e-5)


def test_w_hpf_divides_what_the_masks_let_through():
    other, one = generator(w_hpf=2.5), generator(w_hpf=1.0)
    one.set_weights(other.get_weights())
    x, s = noise(3, 64, 64, 3), noise(3, 5)
    masks = np.random.default_rng(0).random((2, 3, 256, 256, 1), np.float32)
    found = other(x, s, masks)
    np.testing.assert_allclose(found, one(x, s, masks / 2.5), atol=1e-4)
    assert np.abs(found - one(x, s, masks)).max() > 1e-2


@pytest.mark.parametrize(("side", "used"), [(32, (True, False)), (64, (True, True))])
def test_the_coarse_mask_serves_side_32_and_the_fine_one_the_larger(side, used):
    network = generator(w_hpf=1.0, size=side)
    x, s = noise(2, side, side, 3), noise(2, 5)
    nothing, full = np.zeros((2, 256, 256, 1), "f"), np.ones((2, 256, 256, 1), "f")
    plain = network(x, s, (nothing, nothing))
    coarse, fine = network(x, s, (full, nothing)), network(x, s, (nothing, full))
    moved = [bool(np.abs(image - plain).max() > 1e-3) for image in (coarse, fine)]
    assert moved == list(used)


def test_masks_without_skips_and_skips_without_masks_are_refused():
    x, s, mask = noise(1, 64, 64, 3), noise(1, 5), np.ones((1, 256, 256, 1), "f")
    with pytest.raises(ValueError, match="needs masks"):
        generator(w_hpf=1.0)(x, s)
    with pytest.raises(ValueError, match="takes no masks"):
        generator(w_hpf=0.0)(x, s, (mask, mask))


def test_a_block_without_shortcut_is_its_residual_undivided():
    blocks = [AdaINResidualBlock(6, shortcut=shortcut) for shortcut in (True, False)]
    for block in blocks:
        block.build((None, 5, 7, 6), (None, 4))
    blocks[1].set_weights(blocks[0].get_weights())
    x, s = noise(3, 5, 7, 6), noise(3, 4, seed=1)
    with_shortcut, residual = (block(x, s) for block in blocks)
    np.testing.assert_allclose(with_shortcut, (x + residual) / np.sqrt(2), atol=1e-5)


# FAN


def test_coordinates_are_x_down_y_across_and_distance_from_the_centre():
    layer = CoordConv(3)
    layer.build((None, 3, 5, 2))
    kernel = np.zeros((1, 1, 5, 3), "f")
    kernel[0, 0, 2:] = np.eye(3)  # pass on the coordinates alone
    layer.kernel.assign(kernel)
    x, y, r = np.moveaxis(layer(noise(2, 3, 5, 2)).numpy(), -1, 0)
    np.testing.assert_allclose(x[1], np.tile([[-1], [0], [1]], 5), atol=1e-6)
    np.testing.assert_allclose(y[1], np.tile([-1, -0.5, 0, 0.5, 1], (3, 1)), atol=1e-6)
    np.testing.assert_allclose(r[1], np.sqrt((x[1] ** 2 + y[1] ** 2) / 2), atol=1e-6)


def test_strided_coord_conv_pads_both_sides_alike():
    layer = CoordConv(1, kernel_size=7, strides=2)
    layer.build((None, 8, 8, 1))
    kernel = np.zeros((7, 7, 4, 1), "f")
    kernel[3, 3, 0] = 1  # the centre of the kernel
    layer.kernel.assign(kernel)
    image = noise(2, 8, 8, 1)
    np.testing.assert_array_equal(layer(image), image[:, ::2, ::2])


def test_batch_norm_uses_running_statistics_and_an_epsilon_of_1e_5():
    norm = batch_norm(2)
    norm.set_weights([np.array(v, "f") for v in ([2, 3], [1, 5], [4, -6], [2e-5, 9])])
    x = noise(3, 4, 5, 2)
    expected = (x - [4, -6]) / np.sqrt([3e-5, 9 + 1e-5]) * [2, 3] + [1, 5]
    found = norm_relu(norm, x)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4)


def test_fan_sees_images_without_antialiasing_from_0_to_1():
    x = np.full((1, 1024, 1024, 3), -1, "f")
    x[:, 1::4, 2::4] = 1  # one of the four pixels in the middle of each sixteen
    x[:, 0::4, 0::4] = 1  # a corner: never looked at
    prepared = prepare(x)
    assert prepared.shape == (1, 256, 256, 3)
    np.testing.assert_allclose(prepared, 0.25, atol=1e-6)


def test_fan_is_frozen(fan):
    assert fan.trainable_variables == []
    assert not any(variable.trainable for variable in fan.variables)


def test_masks_carry_no_gradient_though_heatmaps_do(fan):
    x = tf.constant(formula.images("test/x", 1, 32))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        heatmaps, masks = fan(x), masks_of(fan, x)
    assert np.abs(tape.gradient(heatmaps, x)).max() > 0
    assert np.max(masks[1]) > 0
    assert tape.gradient(masks, x) is None


# Masks

# Landmarks, whether they are in the fine mask, and copies: rows moved up, power
GROUPS = (
    (range(8, 25), False, [(0, 3)]),
    ([*range(34, 46), *range(47, 51)], False, [(-7, 2)]),
    ([51, 96, 97], True, [(0, 1)]),
    (range(52, 55), True, [(4, 1)]),
    (range(55, 60), True, [(8, 4)]),
    (range(60, 76), True, [(-8, 3), (-24, 1)]),
    (range(77, 82), False, [(-8, 4)]),
    (range(83, 88), False, [(8, 4)]),
    (range(88, 96), False, [(-2, 3)]),
)
IN_NO_GROUP = [*range(8), *range(25, 34), 46, 76, 82]


def test_every_landmark_is_moved_and_raised_as_its_group_says():
    # Every landmark has two columns to itself: its maximum in one, half of it in one.
    heatmaps = np.zeros((1, 256, 256, 98), "f")
    for landmark in range(98):
        heatmaps[0, 100, 2 * landmark, landmark] = 0.8
        heatmaps[0, 180, 2 * landmark + 1, landmark] = 0.4
    expected = np.zeros((2, 256, 256))
    for group, fine, copies in GROUPS:
        for landmark, (rows, power), mask in itertools.product(
            group, copies, range(1 + fine)
        ):
            expected[mask, 100 - rows, 2 * landmark] = 1
            expected[mask, 180 - rows, 2 * landmark + 1] = 0.5**power
    found = np.stack(face_masks(tf.constant(heatmaps)))
    assert found.shape == (2, 1, 256, 256, 1)
    np.testing.assert_allclose(found[:, 0, :, :, 0], expected, atol=1e-5)


@pytest.mark.parametrize(("landmark", "row", "moved"), [(57, 3, 251), (36, 250, 1)])
def test_what_leaves_at_the_border_comes_in_at_the_other(landmark, row, moved):
    heatmaps = np.zeros((1, 256, 256, 98), "f")
    heatmaps[0, row, 9, landmark] = 1
    mask = face_masks(tf.constant(heatmaps))[0].numpy()[0, :, :, 0]
    assert np.argwhere(mask > 0.5).tolist() == [[moved, 9]]


def test_landmarks_of_no_group_leave_the_masks_empty():
    heatmaps = np.zeros((2, 256, 256, 98), "f")
    heatmaps[..., IN_NO_GROUP] = formula.heatmaps("test", 2)[..., IN_NO_GROUP]
    np.testing.assert_array_equal(np.stack(face_masks(tf.constant(heatmaps))), 0)


def test_faint_heat_is_cut_off_before_scaling():
    heatmaps = np.zeros((2, 256, 256, 98), "f")
    heatmaps[0, 20, 30, 51], heatmaps[1, 20, 30, 51] = 0.099, 0.101
    mask = face_masks(tf.constant(heatmaps))[1].numpy()
    assert mask[0].max() == 0
    assert mask[1, 20, 30, 0] == pytest.approx(1, abs=1e-4)


def test_masks_of_overlapping_landmarks_stay_within_0_and_1():
    heatmaps = np.zeros((1, 256, 256, 98), "f")
    heatmaps[:, 40:60, 40:60] = 5
    for mask in face_masks(tf.constant(heatmaps)):
        assert mask.numpy().min() == 0
        assert mask.numpy().max() == 1


def test_heatmaps_are_enlarged_corner_upon_corner():
    rows, columns = np.linspace(0, 1, 64), np.linspace(2, 5, 64)
    ramp = (rows[:, None] + columns).astype("f")[None, :, :, None]
    large = np.linspace(0, 1, 256)[:, None] + np.linspace(2, 5, 256)
    maps = tf.constant(np.concatenate([ramp, -ramp, 2 * ramp], axis=3))
    found = enlarge(maps)
    expected = np.stack([large, -large, 2 * large], axis=-1)[None]
    np.testing.assert_allclose(found, expected, atol=1e-5)


# Landmarks


def test_landmarks_are_within_a_quarter_pixel_of_a_gaussians_centre():
    centres = np.random.default_rng(0).uniform(2, 61, (3, 98, 2))  # x, y
    x, y = (centres[:, None, None, :, i] for i in range(2))
    rows, columns = np.mgrid[:64, :64][..., None]
    heatmaps = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8).astype("f")
    found = landmarks(tf.constant(heatmaps)).numpy()
    off = np.abs(found / 4 - 0.5 - centres)  # in pixels of the heatmaps
    assert off.max() <= 0.25 + 1e-3
    assert off.mean() < 0.15  # the nearest pixels alone would give a quarter


@pytest.mark.parametrize("row_column", [(0, 9), (63, 9), (9, 0), (9, 63), (63, 0)])
def test_a_maximum_on_a_border_is_not_moved(row_column):
    heatmaps = noise(2, 64, 64, 98) * 0.1
    heatmaps[:, *row_column] = 9
    row, column = row_column
    found = landmarks(tf.constant(heatmaps)).numpy()
    expected = np.broadcast_to([4 * column + 2, 4 * row + 2], found.shape)
    np.testing.assert_array_equal(found, expected)


def test_of_equal_maxima_the_first_counts():
    heatmaps = np.zeros((1, 64, 64, 98), "f")
    heatmaps[:, 5, 7] = heatmaps[:, 5, 40] = heatmaps[:, 30, 2] = 1
    found = landmarks(tf.constant(heatmaps)).numpy()
    np.testing.assert_array_equal(found, np.broadcast_to([30, 22], found.shape))


# The authors' weights


def test_fan_takes_and_gives_back_the_authors_parameters(fan):
    arrays = formula.weights("fan", SHAPES["fan"])
    counters = {"bn1.num_batches_tracked": np.int64(7)}
    parameters.from_reference(fan, arrays | counters)
    given_back = parameters.to_reference(fan)
    assert given_back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(given_back[name], array)


def test_generator_for_faces_takes_and_gives_back_the_authors_parameters():
    shapes = SHAPES["generator"]
    network = Generator(128, 16, channel_base=2048, channel_max=48, w_hpf=4.0)
    network.build((None, 128, 128, 3), (None, 16))
    arrays = formula.weights("generator", shapes)
    stored = {"hpf.filter": np.ones((3, 3), "f")}
    for given in (arrays, arrays | stored):
        parameters.from_reference(network, given)
    given_back = parameters.to_reference(network)
    assert given_back.keys() == {*shapes, "hpf.filter"}
    laplacian = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "f")
    np.testing.assert_array_equal(given_back.pop("hpf.filter"), laplacian / 4)
    for name, array in given_back.items():
        unapplied = name.startswith("decode.") and "conv1x1" in name
        np.testing.assert_array_equal(array, 0 if unapplied else arrays[name])
        assert array.shape == arrays[name].shape


def test_other_names_are_refused_still(fan):
    arrays = formula.weights("fan", SHAPES["fan"])
    with pytest.raises(ValueError, match="bn9"):
        parameters.from_reference(fan, arrays | {"bn9.weight": arrays["l0.bias"]})
    del arrays["m0.b2_plus_1.conv3.weight"]
    with pytest.raises(ValueError, match="b2_plus_1"):
        parameters.from_reference(fan, arrays)


# In the model


def faces():
    x_src, x_ref, x_ref2 = (formula.images(f"test/{i}", 3, 32) for i in range(3))
    y_src, y_trg = np.array([0, 1, 2], "i"), np.array([1, 1, 0], "i")
    z, z2 = noise(3, 3), noise(3, 3, seed=1)
    return Batch(*map(tf.constant, (x_src, y_src, x_ref, x_ref2, y_trg, z, z2)))


def test_w_hpf_must_not_be_negative():
    assert Config(w_hpf=2).w_hpf == 2.0
    with pytest.raises(UserError, match=r"^w_hpf=-1"):
        Config(w_hpf=-1.0)


@pytest.mark.parametrize("w_hpf", [0.0, 2.0])
def test_the_model_translates_with_masks_of_its_own(w_hpf):
    model = StarGANv2(Config(w_hpf=w_hpf, **TINY))
    x, s = formula.images("test/x", 2, 32), noise(2, 5)
    if w_hpf:
        weights = formula.weights("fan", SHAPES["fan"])
        parameters.from_reference(model.fan, weights)
        masks = face_masks(model.fan(x))
        assert np.max(masks[0]) > 0
    else:
        assert model.fan is None
        masks = None
    expected = model.averages["generator"](x, s, masks)
    np.testing.assert_allclose(model(x, s), expected, atol=1e-6)


def test_the_sources_masks_serve_both_fakes_and_the_fakes_own_the_cycle():
    model = StarGANv2(Config(w_hpf=1.0, **TINY))
    model.compile()

    def masks(x):  # in FAN's place: quicker, and no less different from image to image
        mask = tf.image.resize(tf.abs(x[..., :1]), (256, 256))
        return mask, mask**2

    model.masks = masks
    batch = faces()
    of_source = masks(batch.x_src)
    styles = [model.mapping_network(z, batch.y_trg) for z in (batch.z, batch.z2)]
    fake, fake2 = (model.generator(batch.x_src, s, of_source) for s in styles)
    s_src = model.style_encoder(batch.x_src, batch.y_src)
    rec = model.generator(fake, s_src, masks(fake))
    _, terms = model.gradients(batch, "G/latent")
    assert float(terms["ds"]) == pytest.approx(np.abs(fake - fake2).mean(), rel=1e-4)
    assert float(terms["cyc"]) == pytest.approx(
        np.abs(rec - batch.x_src).mean(), rel=1e-4
    )
    logits = model.discriminator(fake, batch.y_trg)
    _, terms = model.gradients(batch, "D/latent")
    expected = np.log1p(np.exp(logits)).mean()
    assert float(terms["fake"]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_training_without_landmark_weights_says_where_they_are_to_be_had():
    model = StarGANv2(Config(w_hpf=1.0, **TINY))
    model.compile()
    with pytest.raises(UserError) as raised:
        model.fit(None)
    message = str(raised.value)
    assert "wing.ckpt" in message
    assert "github.com/clovaai/stargan-v2" in message
    assert "w_hpf=0 trains without" in message
    assert "\n" not in message


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_file_without_landmark_weights_is_named(tmp_path, content):
    path = tmp_path / "wing.ckpt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=f"^wing_weights={path}"):
        parameters.load_fan(FAN(), str(path))


@pytest.mark.slow
def test_training_reads_fans_weights_leaves_them_and_stores_them(tmp_path):
    arrays = formula.weights("fan", SHAPES["fan"])
    pytorch_file.save(tmp_path / "wing.ckpt", {"state_dict": arrays})
    config = Config(w_hpf=1.0, wing_weights=str(tmp_path / "wing.ckpt"), **TINY)
    model = StarGANv2(config)
    model.compile(run_eagerly=True)  # quicker than tracing for one iteration
    before = model.generator.encode[0].conv1.kernel.numpy()
    model.fit(tf.data.Dataset.from_tensors(faces()), shuffle=False, verbose=0)
    assert np.any(model.generator.encode[0].conv1.kernel.numpy() != before)
    model.save_weights(tmp_path / "model.weights.h5")

    resumed = StarGANv2(Config(w_hpf=1.0, **TINY))
    resumed.compile()
    resumed.load_weights(tmp_path / "model.weights.h5")
    for fan in (model.fan, resumed.fan):
        assert fan.has_weights()
        for name, array in parameters.to_reference(fan).items():
            np.testing.assert_array_equal(array, arrays[name])
