"""Flags and flagfiles: how they are read, checked and listed."""

import dataclasses
import os
import pathlib

import pytest

from tfstargan.errors import UserError
from tfstargan.settings import Settings, parse, setting, usage


@dataclasses.dataclass(frozen=True, kw_only=True)
class Some(Settings):
    """Settings of every kind."""

    count: int = setting(3, "how many", group="numbers", at_least=1, at_most=9)
    share: float = setting(0.5, "which part", group="numbers", above=0, at_most=1)
    side: int = setting(
        64, "a side", group="numbers", at_least=32, at_most=1024, power_of_two=True
    )
    seed: int | None = setting(None, "of what is random", kind=int, at_least=0)
    loud: bool = setting(True, "say more")
    names: tuple[str, ...] = setting((), "in order")
    each: tuple[str, ...] = setting((), "may be repeated", repeated=True)
    kind: str = setting("full", "full or light", one_of=("full", "light"))
    folder: str = setting("", "where", path=True)


def read(*arguments: str) -> Some:
    (some,) = parse((Some,), arguments)
    return some


def from_file(tmp_path: pathlib.Path, text: str | bytes) -> Some:
    file = tmp_path / "some.flags"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(f"--flagfile={file}")


def test_every_kind_is_read_from_the_command_line():
    some = read(
        "--count=4",
        "--share=1",
        "--seed=7",
        "--noloud",
        "--names=a,b c",
        "--each=x=1,2",
        "--each=y",
        "--kind=light",
    )
    assert some == Some(
        count=4,
        share=1.0,
        seed=7,
        loud=False,
        names=("a", "b c"),
        each=("x=1,2", "y"),
        kind="light",
    )
    assert read() == Some()


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--count=0", "--count=0: must be from 1 to 9"),
        ("--count=x", "--count=x"),
        ("--share=0", "--share=0.0: must be above 0 and at most 1"),
        ("--share=nan", "--share=nan: must be a finite number"),
        ("--side=48", "--side=48: must be a power of two from 32 to 1024"),
        ("--seed=-1", "--seed=-1: must be at least 0"),
        ("--kind=heavy", "--kind=heavy: must be one of full, light"),
        ("--folder=gs://b/x", "--folder=gs://b/x: must be a path on this machine, not"),
        ("--coutn=1", "Did you mean: count"),
        ("count=1", "unexpected 'count=1': a flag is --name=value"),
        ("--flagfile", "name the file"),
        ("--flagfile=nowhere.flags", "--flagfile=nowhere.flags: can't be read"),
    ],
)
def test_what_is_not_allowed_is_named_in_a_line(argument, says):
    with pytest.raises(UserError) as caught:
        read(argument)
    assert says in caught.value.as_flags
    assert "\n" not in caught.value.as_flags


def test_a_flagfile_has_comments_quotes_and_a_byte_order_mark(tmp_path):
    text = b"""\xef\xbb\xbf# the first line
    // another comment

    --count=4   # four of them
    --folder="a folder # with a hash"
    --noloud
    -names='big cat'
    --each=a#b
    """
    some = from_file(tmp_path, text)
    assert some.count == 4
    assert some.folder == "a folder # with a hash"
    assert not some.loud
    assert some.names == ("big cat",)
    assert some.each == ("a#b",)


def test_a_tilde_is_the_home_folder_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.flags").write_text("--folder=~/data\n")
    wanted = str(tmp_path / "data")
    assert read("--folder=~/data").folder == wanted
    assert read("--flagfile=~/mine.flags").folder == wanted
    assert Some(folder="~/data").folder == wanted
    assert Some(folder=pathlib.Path("~/data")).folder == wanted


def test_flagfiles_may_name_others_but_not_in_a_circle(tmp_path):
    first, second = tmp_path / "first.flags", tmp_path / "second.flags"
    first.write_text(f"--count=2\n--flagfile={second}\n")
    second.write_text("--share=0.25\n--count=5\n")
    assert read(f"--flagfile={first}") == Some(count=5, share=0.25)
    second.write_text(f"--flagfile={first}\n")
    with pytest.raises(UserError, match="leads back to itself"):
        read(f"--flagfile={first}")


@pytest.mark.parametrize("line", ["count=4", "--count 4", "4", "--", "--a b=c"])
def test_a_line_that_is_no_flag_is_named_with_its_number(tmp_path, line):
    with pytest.raises(UserError, match=r"some\.flags, line 2: `.*` is not `--name="):
        from_file(tmp_path, f"# first\n{line}\n")


def test_a_flagfile_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(UserError, match="can't be read"):
        from_file(tmp_path, os.urandom(64) + b"\xff\xfe")


def test_a_later_flag_wins_over_the_file_and_the_file_over_an_earlier_one(tmp_path):
    file = tmp_path / "some.flags"
    file.write_text("--count=2")
    assert read("--count=1", f"--flagfile={file}").count == 2
    assert read(f"--flagfile={file}", "--count=1").count == 1


def test_every_setting_is_listed_in_its_group_with_default_and_help():
    text = usage((Some,))
    assert text.index("options:") < text.index("numbers:")
    for field in dataclasses.fields(Some):
        assert f"{field.name}" in text
        assert field.metadata["help"] in text
    assert "--count=3 " in text
    assert "--noloud " in text
    assert all(len(line) <= 88 for line in text.splitlines())


@pytest.mark.parametrize(("old", "new"), [("quantize", "variants"), ("wing", "wing_w")])
def test_a_flag_of_another_name_today_says_so(old, new):
    with pytest.raises(UserError) as caught:
        read(f"--{old}=x")
    assert caught.value.as_flags.startswith(f"--{old} is now --{new}")
