"""Errors that a user can fix, and the request to stop."""

import re


class UserError(ValueError):
    """An error that the user can fix, in one line: what, where, what to do.

    The message names settings as flags, `--img_size=100: must be ...`; commands print
    it in this form (`as_flags`). `str(error)` names them as arguments in Python,
    `img_size=100 must be ...`. Text in backticks is a command line and is kept.
    """

    @property
    def as_flags(self) -> str:
        """The message with settings as flags."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        parts = self.as_flags.split("`")
        parts[::2] = [_as_arguments(part) for part in parts[::2]]
        return "`".join(parts)


class Preempted(KeyboardInterrupt):
    """The system asked the process to end, as when it needs the machine."""


def _as_arguments(text: str) -> str:
    text = re.sub(r"(?<!\w)--(\w+=\S*): must\b", r"\1 must", text)
    return re.sub(r"(?<![\w-])--(?=[a-z])", "", text)
