"""The reference's recorded values are met, and the check itself can't be fooled."""

import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import parity
import pytest

SMALL = parity.GOLDENS / "small.json"
Check = Callable[[parity.Case], parity.Measured]


@pytest.fixture(scope="module")
def small() -> tuple[bool, list[str], dict[str, Check]]:
    """Whether the case passed, the lines, and checks that repeat their finds."""
    lines: list[str] = []
    found: dict[str, list[tuple[str, str, float]]] = {}

    def recorded(name: str, check: Check) -> Check:
        def run(case: parity.Case) -> parity.Measured:
            found[name] = list(check(case))
            return iter(found[name])

        return run

    with pytest.MonkeyPatch.context() as patch:
        for name, check in list(vars(parity).items()):
            if name.startswith("check_"):
                patch.setattr(parity, name, recorded(name, check))
        passed = parity.run(SMALL, lines.append)
    replays = {name: lambda case, f=finds: iter(f) for name, finds in found.items()}
    return passed, lines, replays


@pytest.fixture
def networks_alone(small, monkeypatch) -> None:
    """Compute the networks' outputs again; of the rest repeat what was found."""
    for name, replay in small[-1].items():
        if name != "check_networks":
            monkeypatch.setattr(parity, name, replay)


def altered(folder: pathlib.Path, **arrays: np.ndarray) -> pathlib.Path:
    """A copy of the small case with some arrays changed or added."""
    shutil.copy(SMALL, folder / "small.json")
    with np.load(SMALL.with_suffix(".npz")) as golden:
        np.savez(folder / "small.npz", **{**golden, **arrays})
    return folder / "small.json"


@pytest.mark.slow
def test_networks_losses_gradients_and_training_are_the_reference_s(small):
    passed, lines, _ = small
    assert passed, "\n".join(lines)
    others = ("FAN", "LPIPS", "Inception", "Frechet")  # kinds of other cases
    for kind in parity.TOLERANCES:
        assert any(kind in line for line in lines) != kind.startswith(others), kind
    assert all("pass" in line for line in lines)


@pytest.mark.slow
def test_a_case_that_is_met_exits_with_0(networks_alone, capsys):
    assert parity.main([str(SMALL)]) == 0
    assert "FAIL" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_changed_value_fails_and_is_named(networks_alone, tmp_path, capsys):
    golden = np.load(SMALL.with_suffix(".npz"))["style_encoder"]
    golden[1, 3] += 1e-4 * np.abs(golden).max()
    path = altered(tmp_path, style_encoder=golden)
    assert parity.main([str(path), str(SMALL)]) == 1
    (line,) = (x for x in capsys.readouterr().out.splitlines() if "FAIL" in x)
    assert "networks" in line
    assert "(worst: style_encoder)" in line


@pytest.mark.slow
def test_a_value_that_is_no_number_fails(networks_alone, tmp_path, capsys):
    golden = np.load(SMALL.with_suffix(".npz"))["discriminator"]
    golden[2] = np.nan
    assert parity.main([str(altered(tmp_path, discriminator=golden))]) == 1
    assert "FAIL  (worst: discriminator)" in capsys.readouterr().out


@pytest.mark.slow
def test_a_part_that_is_not_supported_is_missing_not_passed(
    networks_alone, tmp_path, capsys
):
    more = {"future/part/one": np.ones(2), "future/part/two": np.ones(2)}
    assert parity.main([str(altered(tmp_path, **more))]) == 1
    output = capsys.readouterr().out
    assert "future/part          MISSING (2 recorded values not compared)" in output
    assert "FAIL" not in output


def test_without_a_case_it_says_how_to_use_it(capsys):
    assert parity.main([]) == 2
    assert "python tests/parity.py tests/goldens/small.json" in capsys.readouterr().out


@pytest.mark.slow
def test_face_networks_masks_losses_and_gradients_are_the_reference_s():
    lines: list[str] = []
    assert parity.run(parity.GOLDENS / "hpf.json", lines.append), "\n".join(lines)
    assert len(lines) == sum("pass" in line for line in lines) == 6


@pytest.mark.slow
def test_lpips_inception_and_frechet_distances_are_the_reference_s():
    lines: list[str] = []
    path = parity.GOLDENS / "metrics.json"
    assert parity.run(path, lines.append), "\n".join(lines)
    assert len(lines) == sum("pass" in line for line in lines) == 3
