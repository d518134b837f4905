"""What a user can put right."""


class UserError(ValueError):
    """An error that the user can put right, in one line: what, where, what to do."""
