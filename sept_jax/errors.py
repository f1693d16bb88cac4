"""The one exception that a user may see as a single line."""


class UserError(Exception):
    """Bad input: says what was wrong, what was expected and what to type.

    Commands print it as one line and end with exit code 2.
    """
