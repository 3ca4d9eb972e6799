"""The base image: a Debian root filesystem from distribution packages, imported without any registry."""

import os

from launcher import content, host, process
from launcher.engine import Engine
from launcher.errors import BuildError
from launcher.progress import Progress
from launcher.settings import BUILD, ROOT, Settings

NAME = "oneedge-base:bookworm"
LABEL = "org.oneedge.base.inputs"
_SOURCES = ROOT / "images/base"
PACKAGES = ("mmdebstrap", "debian-archive-keyring", "ca-certificates")


def local(engine: Engine, name: str) -> str:
    """``name`` as this engine spells an image that only this machine has."""
    return f"localhost/{name}" if engine.podman and "/" not in name else name


def ensure(engine: Engine, settings: Settings, progress: Progress) -> str:
    """The base image's name, built and imported where it is missing or its recipe changed.

    ``BASE_IMAGE`` names an existing one instead. Raises :class:`BuildError`.
    """
    if settings.base_image:
        return _given(engine, settings.base_image)
    name = local(engine, NAME)
    wanted = recipe()
    archive = BUILD / "base" / f"{wanted[:16]}.tar"
    if not settings.refresh and engine.label("image", name, LABEL) == wanted:
        return name
    if settings.refresh or not archive.exists():
        build(archive, progress)
    with progress.step(f"Importing the base system as {name}"):
        engine.must(
            "import",
            "--change",
            f"LABEL {LABEL}={wanted}",
            "--change",
            'CMD ["/bin/bash"]',
            str(archive),
            name,
            timeout=600,
        )
    return name


def recipe() -> str:
    """Hash of what decides the base's content apart from the mirror's state."""
    words = [os.environ.get(name, "") for name in ("BASE_MIRROR", "BASE_CA")]
    return content.digest(_SOURCES, content.files_below(_SOURCES), *words, str(content.epoch()))


def build(archive: "os.PathLike[str]", progress: Progress) -> None:
    """Build the root filesystem's archive; mmdebstrap is installed on Debian as root."""
    if process.find("mmdebstrap") is None:
        host.install(PACKAGES, "mmdebstrap, which builds the base image,", progress)
    with progress.step("Building the base system from Debian packages"):
        process.run_logged(
            [str(_SOURCES / "build"), os.fspath(archive)],
            BUILD / "log/base.log",
            BuildError,
            "The base system",
            env={"SOURCE_DATE_EPOCH": str(content.epoch())},
        )


def _given(engine: Engine, name: str) -> str:
    """An existing base image; one that is not here is fetched by the engine."""
    if engine.inspect("image", name) is None:
        ended = engine.run("pull", name, timeout=1800)
        if ended.returncode:
            raise BuildError(
                f"BASE_IMAGE={name} is neither here nor can it be pulled:\n{process.tail(ended.stderr)}",
                todo="Name an image that 'image ls' shows, or leave BASE_IMAGE out to build the base.",
            )
    return name
