"""The standard library's own demonstration: greets, then prints its environ, one key a line."""

from wsgiref.simple_server import demo_app

application = demo_app
