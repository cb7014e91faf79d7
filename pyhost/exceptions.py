"""What is raised in requests that have to end. In the wheel this is the module pyserve.exceptions; in an executable it is
part of the host's own Python (see bootstrap.py)."""


class RequestTimeout(BaseException):
    """Raised in a request that has run into its time-out. `except Exception` does not catch it."""

    __module__ = "pyserve"

    def __str__(self):
        return "the request has run into its time-out"


class ServerShutdown(RequestTimeout):
    """Raised in a request that still runs at the end of the graceful time-out, when the server leaves."""

    __module__ = "pyserve"

    def __str__(self):
        return "the server leaves, and the time for the requests that run is over"
