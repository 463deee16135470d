"""What can go wrong when the stack is started."""


class ServiceError(RuntimeError):
    """Something did not start; the message says what, and what to look at."""
