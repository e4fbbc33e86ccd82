"""The one exception for mistakes in what a user gave."""


class UserError(ValueError):
    """Bad input: the message says what was given, what is allowed and what to do.

    The command line prints it in one line and exits with code 2; from Python it is a `ValueError`.
    """
