"""Errors that a user can put right, and the request to stop."""

import re


class UserError(ValueError):
    """An error that the user can put right, in one line: what, where, what to do.

    The message names settings as flags, `--img_size=100: must be ...`, and a command
    prints it so (`as_flags`). `str(error)` names them as arguments in Python,
    `img_size=100 must be ...`. Text in backticks is a command line, and stays.
    """

    @property
    def as_flags(self) -> str:
        """The message for whoever typed flags."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        parts = self.as_flags.split("`")
        parts[::2] = [_as_arguments(part) for part in parts[::2]]
        return "`".join(parts)


class Preempted(KeyboardInterrupt):
    """The system asked the process to end: the machine is wanted back."""


def _as_arguments(text: str) -> str:
    text = re.sub(r"(?<!\w)--(\w+=\S*): must\b", r"\1 must", text)
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", text)
