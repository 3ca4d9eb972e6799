"""``oneedge upgrade`` and ``make upgrade``: the words of the command line, the lock, and how it ends."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from launcher import daemon, image, lock, settings
from launcher.errors import LauncherError, PutBackError, RefusedError, StuckError
from launcher.progress import Progress
from launcher.upgrade.request import Outcome, Request, parse
from launcher.upgrade.telling import JsonProgress
from launcher.upgrade.work import Upgrade

_RESULTS = {PutBackError: "put back", RefusedError: "refused", StuckError: "stuck"}


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Do what those words ask for; returns 0. Raises :class:`LauncherError`, whose exit code is the command's."""
    request = parse(arguments, env)
    if not request.json:
        progress = Progress()
        progress.say(_work(request, env, progress).text)
        return 0
    lines = JsonProgress(sys.stdout)
    try:
        lines.result(_work(request, env, lines).document())
    except LauncherError as error:
        lines.result(failure(request, error))
        raise
    return 0


def _work(request: Request, env: Mapping[str, str], progress: Progress) -> Outcome:
    if request.build and not request.image and not request.resume:
        request = replace(request, image=_built(request, env, progress))
    engine = daemon.existing(request.engine)
    with lock.held("upgrade", progress, lock.container_path(engine.kind, request.name), lock.CONTAINER_WAIT):
        return Upgrade(engine, request, progress).run()


def _built(request: Request, env: Mapping[str, str], progress: Progress) -> str:
    """The image of this clone, built where something in it changed."""
    with lock.held("image", progress):
        return image.ensure(daemon.existing(request.engine), settings.read(env), progress)


def failure(request: Request, error: LauncherError) -> dict[str, object]:
    """How it ended, for machines."""
    return {
        "result": _RESULTS.get(type(error), "failed"),
        "container": request.name,
        "text": error.message,
        "todo": error.todo,
        "code": error.exit_code,
    }
