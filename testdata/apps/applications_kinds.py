"""Classes and instances that are no WSGI applications."""


def app(environ, start_response):
    return []


class Configured:
    def __init__(self, config, debug=False):
        pass

    def __call__(self, environ, start_response):
        return []


class Framework:
    def __call__(self, environ, start_response):
        return []


class Wrong:
    def __call__(self, request):
        return []


wrong = Wrong()


class Plain:
    pass


plain = Plain()


class Holder:
    pass


holder = Holder()
holder.server = Framework()
nothing = None
