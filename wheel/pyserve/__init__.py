"""pyserve: a WSGI server. On the command line: pyserve module:application.

Nothing here loads the server itself, which starts threads: a process that has only imported this may fork.
"""

__version__ = "@VERSION@"
