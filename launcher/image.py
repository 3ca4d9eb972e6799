"""The front-end's image: built from a staged copy of the sources, and only where something in it changed."""

import os
import subprocess
import time
import tomllib
from pathlib import Path

from launcher import base, content, parameters, process, wheelhouse
from launcher.engine import Engine
from launcher.errors import BuildError
from launcher.progress import Progress
from launcher.settings import BUILD, ROOT, Settings

LABEL = "org.oneedge.image.inputs"
CONTAINERFILE = "images/frontend/Containerfile"
SBOM = "/usr/share/oneedge/sbom.cdx.json"
# Rooms of the repository that the image never sees: an edit there builds nothing.
OUTSIDE = ("build", "dist", "tests", "bench", "docs", "launcher", "compose", "images/base", "images/README.md",
           "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile")  # fmt: skip

# Handed on to the build by name; builders know them and do not keep them in the image.
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def name(engine: Engine, settings: Settings) -> str:
    """The image's name: ``IMAGE``, or one made of version and target."""
    if settings.image:
        return settings.image
    suffix = "-slim" if settings.target == "slim" else ""
    return base.local(engine, f"oneedge:{version()}{suffix}")


def version() -> str:
    """The distribution's version, from pyproject.toml."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def ensure(engine: Engine, settings: Settings, progress: Progress) -> str:
    """The image's name, built where its inputs changed. Raises :class:`BuildError`."""
    tag = name(engine, settings)
    if settings.image:
        return _given(engine, tag)
    base_name = base.ensure(engine, settings, progress)
    wheels = wheelhouse.ensure(progress, refresh=settings.refresh)
    wanted = inputs(engine, settings, base_name)
    if not settings.refresh and engine.label("image", tag, LABEL) == wanted:
        progress.say(f"==> The image {tag} is up to date")
        return tag
    replaced = str((engine.inspect("image", tag) or {}).get("Id", ""))
    with progress.step(f"Building the image {tag}"):
        context = BUILD / "context"
        content.stage(ROOT, sources(), context, sorted(wheels.glob("*.whl")))
        _build(engine, settings, tag, base_name, wanted=wanted, context=context)
        drop(engine, replaced)
        bill_of_materials(engine, settings, tag)
    return tag


def bill_of_materials(engine: Engine, settings: Settings, tag: str) -> Path:
    """Put the image's bill of materials (CycloneDX) beside it, into ``build/``; raises :class:`BuildError`."""
    ended = engine.run("run", "--rm", "--network=none", "--entrypoint=cat", tag, SBOM)
    if ended.returncode:
        raise BuildError(f"The image {tag} has no {SBOM}:\n{process.tail(ended.stderr)}", todo="Build it anew.")
    target = BUILD / f"oneedge-{version()}-{settings.target}.cdx.json"
    target.write_text(ended.stdout)
    return target


def drop(engine: Engine, identifier: str) -> None:
    """Remove an image that has lost its name to a newer one; while a container uses it, the engine keeps it.

    Not by the engine's prune: Podman's takes the stages along that the next build's cache needs.
    """
    found = engine.inspect("image", identifier) if identifier else None
    labels = ((found or {}).get("Config") or {}).get("Labels") or {}
    if found and not found.get("RepoTags") and LABEL in labels:
        engine.run("image", "rm", identifier)


def sources() -> list[Path]:
    """What the build may read, apart from the wheelhouse."""
    return list(content.files_below(ROOT, OUTSIDE))


def inputs(engine: Engine, settings: Settings, base_name: str) -> str:
    """Hash of everything that decides the image's content."""
    base_id = str((engine.inspect("image", base_name) or {}).get("Id", ""))
    return content.digest(
        ROOT, sources(), base_id, wheelhouse.inputs(), settings.target, version(), str(content.epoch())
    )


def _build(engine: Engine, settings: Settings, tag: str, base_name: str, *, wanted: str, context: Path) -> None:
    arguments = {
        "BASE_IMAGE": base_name,
        "SOURCE_DATE_EPOCH": str(content.epoch()),
        "VERSION": version(),
        "REVISION": revision(),
        "CREATED": created(),
        "PARAMETERS": " ".join(parameters.known(ROOT)),
    }
    argv = ["build", "--target", settings.target, "--tag", tag, "--label", f"{LABEL}={wanted}"]
    argv += ["--file", str(context / CONTAINERFILE)]
    for proxy in PROXIES:
        argv += ["--build-arg", proxy] if proxy in os.environ else []
    for key, value in arguments.items():
        argv += ["--build-arg", f"{key}={value}"]
    if settings.refresh:
        argv.append("--no-cache")
    if engine.podman:
        # OCI images know no health check; Docker's format, which Podman reads as well, does.
        argv += ["--pull=never", "--layers", "--format=docker"]
    process.run_logged(
        engine.argv([*argv, str(context)]),
        BUILD / f"log/image-{settings.target}.log",
        BuildError,
        "The image build",
        env=engine.env,
    )


def _git(*arguments: str) -> str:
    try:
        return process.capture(["git", "-C", str(ROOT), *arguments]).stdout.strip()
    except FileNotFoundError:
        return ""


def revision() -> str:
    """The commit that the sources are from, ``unknown`` outside a clone."""
    return _git("rev-parse", "HEAD") or "unknown"


def created() -> str:
    """The commit's time (RFC 3339), or SOURCE_DATE_EPOCH's outside a clone."""
    seconds = int(_git("log", "-1", "--format=%ct") or content.epoch())
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _given(engine: Engine, tag: str) -> str:
    if engine.inspect("image", tag) is None:
        ended: subprocess.CompletedProcess[str] = engine.run("pull", tag, timeout=1800)
        if ended.returncode:
            raise BuildError(
                f"IMAGE={tag} is neither here nor can it be pulled:\n{process.tail(ended.stderr)}",
                todo="Name an image that 'image ls' shows, or leave IMAGE out to build it.",
            )
    return tag
