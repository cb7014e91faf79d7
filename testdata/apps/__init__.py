"""Small WSGI applications, one idea a module, for tests of a server: `apps.kinds:function` and so on.

They need nothing but the standard library, unless a module says so. Where a module holds many
applications, its `app` calls the one named by the first segment of the path and returns exactly what
that one returned, so that one server process shows them all.
"""
