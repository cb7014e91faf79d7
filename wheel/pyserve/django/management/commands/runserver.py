import sys

from django.apps import apps
from django.conf import settings

from pyserve.script import become, command_options

if apps.is_installed("django.contrib.staticfiles"):
    from django.contrib.staticfiles.management.commands.runserver import Command as DjangoCommand
else:
    from django.core.management.commands.runserver import Command as DjangoCommand


class Command(DjangoCommand):
    help = "Serves the project with pyserve, for development. PYSERVE_... variables give its options (pyserve --help)."

    def run(self, **options):
        """Called when the address has been read."""
        if not options["skip_checks"]:
            self.check(display_num_errors=True)
            self.check_migrations()
        host = "0.0.0.0" if self.addr == "0" else self.addr
        if self._raw_ipv6:
            host = "[%s]" % host
        static = options.get("use_static_handler", False) and (settings.DEBUG or options["insecure_serving"])
        words = command_options({
            "bind": "%s:%s" % (host, self.port),
            "pythonpath": [folder for folder in (sys.path[0], options.get("pythonpath")) if folder],
            "threads": None if options["use_threading"] else 1,
            "reload": options["use_reloader"],
        })
        become("pyserve.django.development:application(static=%r)" % static, words)
