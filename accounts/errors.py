"""What a service raises when a request is well-formed but cannot be done now."""


class Conflict(Exception):
    """The thing is not in a state that allows this. The message is for the person who asked."""
