"""The command `flask pyserve`."""

import os
from typing import Any, Tuple

import click
from flask.cli import ScriptInfo, pass_script_info
from flask.helpers import get_debug_flag

from pyserve.script import become


def application() -> Any:
    """The application that `flask` would run."""
    return ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()


@click.command("pyserve", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@pass_script_info
def command(info: ScriptInfo, options: Tuple[str, ...]) -> None:
    """Serve the application with pyserve.

    OPTIONS are those of the pyserve command (flask pyserve --help). With flask --debug, the server restarts when the
    code changes.
    """
    if info.app_import_path:
        os.environ["FLASK_APP"] = info.app_import_path
    words = list(options)
    if get_debug_flag() and "--reload" not in words:
        words.append("--reload")
    become("pyserve.flask:application()", words)
