"""What a user can put right: the message says what was given, what is possible and what to do."""


class UserError(ValueError):
    """A foreseeable mistake or missing resource; the command line prints it as one sentence and exits with 2."""
