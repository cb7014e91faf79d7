"""pyserve: a WSGI server. On the command line: pyserve module:application. In a script: pyserve.run(application).

Nothing here loads the server itself, which starts threads: a process that has only imported this may fork.
"""

from pyserve.exceptions import RequestTimeout, ServerShutdown
from pyserve.script import run

__all__ = ["RequestTimeout", "ServerShutdown", "run"]
__version__ = "@VERSION@"
