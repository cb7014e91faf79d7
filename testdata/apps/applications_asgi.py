"""Applications for ASGI servers."""

import functools


async def function(scope, receive, send):
    pass


async def configured(config, scope, receive, send):
    pass


partial = functools.partial(configured, 1)


class Framework:
    async def __call__(self, scope, receive, send):
        pass

    async def serve(self, scope, receive, send):
        pass


instance = Framework()
method = instance.serve


def old(scope):
    return function


async def plain():
    pass
