"""An upgrade in order. Every act leaves containers whose names and states tell the next run how to go on or back."""

import time
from dataclasses import dataclass
from pathlib import Path

from launcher import health
from launcher.engine import Engine
from launcher.errors import (
    LauncherError,
    NoContainerError,
    NotHealthyError,
    PutBackError,
    RefusedError,
    StuckError,
)
from launcher.progress import Progress
from launcher.settings import BUILD
from launcher.upgrade import comparing, copying, database, making, standing
from launcher.upgrade.copying import Inspect
from launcher.upgrade.request import Outcome, Request
from launcher.upgrade.standing import Names, Standing

STEADY_SECONDS = 6.0
"""For which the new version has to stay healthy: the old one is let go of then."""
BACK_SECONDS = 300
"""For the old version to become healthy again; it was before."""


@dataclass
class Upgrade:
    """One upgrade of one container."""

    engine: Engine
    request: Request
    progress: Progress

    def __post_init__(self) -> None:
        self.names = Names(self.request.name)
        self.began = time.monotonic()

    # ---- what stands ----

    def run(self) -> Outcome:
        """Finish or take back what was cut off, then upgrade.

        Raises :class:`RefusedError`, :class:`PutBackError`, :class:`StuckError` and what the engine makes of it.
        """
        found = standing.look(self.engine, self.names)
        if found.phase == standing.FOREIGN:
            raise RefusedError(
                f"There is a container named {found.stranger}, which this upgrade did not make.",
                todo="Remove or rename it. Nothing was changed.",
            )
        if found.phase == standing.MISSING:
            raise NoContainerError(
                f"There is no container named {self.names.name}.", todo="Name it with --name. Nothing was changed."
            )
        if found.phase != standing.NONE:
            finished = self._resume(found)
            if finished and (self.request.resume or self._runs_already()):
                return finished
        if self.request.resume:
            return Outcome("nothing", self.names.name, "No upgrade was cut off: there is nothing to resume.")
        return self._begin(making.must_inspect(self.engine, self.names.name))

    def _resume(self, found: Standing) -> Outcome | None:
        """Finish what was cut off; ``None`` where it had not begun and was taken back."""
        self.progress.say(f"==> An upgrade of {self.names.name} was cut off ({found.phase})")
        if found.phase == standing.STARTED:
            return self._watch(_must(found.old), _must(found.new))
        if found.phase in (standing.FAILED, standing.RETURNED):
            raise self._give_up("An earlier upgrade was given up.")
        self._take_back(found)
        if self.request.resume:
            raise PutBackError(
                f"The upgrade that was cut off is taken back: {self.names.name} runs its old image "
                "on a database that nobody changed.",
                todo="Run 'oneedge upgrade' to begin anew.",
            )
        return None

    def _runs_already(self) -> bool:
        """Whether the container runs the image that is asked for."""
        found = making.must_inspect(self.engine, self.names.name)
        image = self.engine.inspect("image", self._wanted(found)) or {}
        return not self.request.pull and image.get("Id") == found.get("Image")

    # ---- before the first change ----

    def _wanted(self, old: Inspect) -> str:
        return self.request.image or str(old.get("ImageName") or copying.section(old, "Config")["Image"])

    def _begin(self, old: Inspect) -> Outcome:
        """Check, make the new container, switch to it, and see it become healthy."""
        name = self.names.name
        copying.refuse_strangers(old, name)
        if not standing.running(old):
            raise RefusedError(
                f"The container {name} does not run.",
                todo=f"Start it ('{self.engine.kind} start {name}') and wait until it is healthy. Nothing was changed.",
            )
        image = self._image(self._wanted(old))
        label = str(image["Id"]).removeprefix("sha256:")[:12]
        if str(old["Image"]).removeprefix("sha256:") == str(image["Id"]).removeprefix("sha256:"):
            return Outcome("current", name, f"{name} runs this image already ({label}).", label, label)
        with self.progress.step(f"Checking {name} and the image"):
            self._check_health(name)
            database.check(self.engine, str(image["Id"]))
        new = self._make(old, image)
        before = str(old["Image"]).removeprefix("sha256:")[:12]
        if self.request.dry_run:
            making.remove(self.engine, new, volumes=True)
            text = f"{name} can go from {before} to {label} with all of its settings. Nothing was changed."
            return Outcome("dry-run", name, text, label, before, time.monotonic() - self.began)
        self._switch(old, new)
        return self._watch(old, new)

    def _image(self, name: str) -> dict[str, object]:
        """The image, pulled where it is asked for or not here."""
        found = None if self.request.pull else self.engine.inspect("image", name)
        if found is None:
            with self.progress.step(f"Pulling {name}"):
                ended = self.engine.run("pull", name, timeout=1800)
            found = self.engine.inspect("image", name) if ended.returncode == 0 else None
            if found is None:
                raise RefusedError(
                    f"The image {name} cannot be pulled: {ended.stderr.strip()[-300:]}",
                    todo="Name one that is here or in a registry (--image). Nothing was changed.",
                )
        return found

    def _check_health(self, name: str) -> None:
        ended = health.probe(self.engine, name)
        text = (ended.stdout.strip() or ended.stderr.strip())[:300]
        if ended.returncode or text == "maintenance":
            raise RefusedError(
                f"The container {name} is not healthy ({text}), so that nothing could be put back that works.",
                todo="Mend that first, and end a maintenance. Nothing was changed.",
            )

    def _make(self, old: Inspect, image: Inspect) -> dict[str, object]:
        """The new container, never started, with every setting of the old one; or nothing and a refusal."""
        given = making.own_image(self.engine, old)
        if given is None:
            raise RefusedError(
                f"The image of {self.names.name} is gone: what the container has of it cannot be told from its own.",
                todo="Pull or load it again. Nothing was changed.",
            )
        with self.progress.step(f"Making the new container of {self._wanted(old)}"):
            try:
                like = making.copy(self.engine, old, given)
                new = making.create(self.engine, self.names.next, self._wanted(old), like, old)
                differing = comparing.differences(old, given, new, image)
                if new["Image"] != image["Id"]:
                    differing.append("the image (its name moved meanwhile)")
            except RefusedError:
                self._forget()
                raise
            except LauncherError as error:
                self._forget()
                raise RefusedError(
                    f"The engine refuses it: {error.message}", todo="Nothing was changed."
                ) from error
            if differing:
                self._forget()
                raise RefusedError(
                    f"These settings of {self.names.name} cannot be kept: {', '.join(differing)}.",
                    todo="Make the container anew by hand on the same volumes. Nothing was changed.",
                )
        return new

    def _forget(self) -> None:
        """Remove the new container, which has never run."""
        new = self.engine.inspect("container", self.names.next)
        if new:
            making.remove(self.engine, new, volumes=True)

    # ---- the switch ----

    def _switch(self, old: Inspect, new: Inspect) -> None:
        """Stop the old container, give its name to the new one, start that."""
        try:
            with self.progress.step(f"Stopping {self.names.name}"):
                making.set_restart(self.engine, old, "no")
                making.stop(self.engine, old)
            with self.progress.step("Starting the new container"):
                making.rename(self.engine, old, self.names.before)
                making.rename(self.engine, new, self.names.name)
                making.start(self.engine, making.must_inspect(self.engine, self.names.name))
        except LauncherError as error:
            found = standing.look(self.engine, self.names)
            if found.phase != standing.PREPARED:
                raise self._give_up(error.message) from error
            self._take_back(found)
            raise PutBackError(
                f"The new container could not be started: {error.message}\n"
                f"{self.names.name} runs its old image again, on a database that nobody changed.",
                todo="Mend what the engine says above, then upgrade again.",
            ) from error

    def _take_back(self, found: Standing) -> None:
        """From a new container that never ran, or is gone, to the old one in operation. Raises :class:`StuckError`."""
        old, new = _must(found.old), found.new
        try:
            with self.progress.step("Taking back what had begun"):
                if new:
                    making.rename(self.engine, new, self.names.next)
                    making.set_restart(self.engine, old, making.restart_before(new))
                making.rename(self.engine, old, self.names.name)
                if new:
                    making.remove(self.engine, new, volumes=True)
            self._start_old(old)
        except LauncherError as error:
            raise self._stuck(error) from error

    def _start_old(self, old: Inspect) -> str:
        with self.progress.step(f"Starting {self.names.name} as it was"):
            making.start(self.engine, old)
        return health.wait(self.engine, self.names.name, BACK_SECONDS, self.progress)

    # ---- after the switch ----

    def _watch(self, old: Inspect, new: Inspect) -> Outcome:
        """Wait until the new container is healthy and let go of the old one; or put it back."""
        try:
            making.start(self.engine, new)
            text = self._healthy()
        except LauncherError as error:
            raise self._give_up(error.message) from error
        with self.progress.step("Letting go of the old version"):
            problem = database.confirm(self.engine, self.names.name)
            making.remove(self.engine, old, volumes=False)
        if problem:
            self.progress.say(
                f"The tables from before stay for a day, because 'onedb upgrade --confirm' said: {problem}"
            )
        before, label = (str(item["Image"]).removeprefix("sha256:")[:12] for item in (old, new))
        message = f"{self.names.name} runs the new image {label} ({text}); before it was {before}."
        return Outcome("upgraded", self.names.name, message, label, before, time.monotonic() - self.began)

    def _healthy(self) -> str:
        """Wait until the new container is healthy and stays so; its health text. Raises :class:`LauncherError`."""
        name = self.names.name
        deadline = time.monotonic() + self.request.deadline
        while (left := deadline - time.monotonic()) > 0:
            text = health.wait(self.engine, name, max(1, round(left)), self.progress)
            with self.progress.step(f"Seeing that it stays so for {STEADY_SECONDS:.0f} s") as step:
                until = time.monotonic() + STEADY_SECONDS
                while (ended := health.probe(self.engine, name)).returncode == 0:
                    if time.monotonic() > until:
                        return text
                    time.sleep(health.PAUSE)
                step.note((ended.stdout.strip() or ended.stderr.strip())[:300])
        raise NotHealthyError(
            f"The container {name} becomes healthy and does not stay so. Its last lines:\n"
            f"{health.logs(self.engine, name)}"
        )

    def _give_up(self, reason: str) -> PutBackError:
        """Put the old database and the old container back; the error to end with. Raises :class:`StuckError`."""
        done = "The database is the one from before the upgrade."
        try:
            found = standing.look(self.engine, self.names)
            if found.phase in (standing.STARTED, standing.FAILED):
                done = self._put_back(_must(found.old), _must(found.new))
                found = standing.look(self.engine, self.names)
            if found.phase != standing.RETURNED:
                raise StuckError(
                    "The new container is gone, and with it the way back.",
                    todo=f"Rename {self.names.before} to {self.names.name} and start it; its log says whether the "
                    "database is of a newer version. docs/upgrade.md has the way by hand.",
                )
            text = self._start_old(_must(found.old))
            log = self._keep_log(_must(found.new))
            making.remove(self.engine, _must(found.new), volumes=True)
        except LauncherError as error:
            raise self._stuck(error, reason) from error
        return PutBackError(
            f"The new version did not work: {reason}\n{done} The old version is back: "
            f"{self.names.name} runs its old image ({text}).",
            todo=f"Mend the cause before the next upgrade. The new container's whole log is {log}.",
        )

    def _put_back(self, old: Inspect, new: Inspect) -> str:
        """Stop the new container and put the old database back; then give the old container its name again."""
        with self.progress.step("Stopping the new container"):
            # First of all: Docker cannot rename one that it is about to start again.
            making.stop(self.engine, new)
        making.rename(self.engine, old, self.names.before)
        # From here on this container is never started again, whoever is killed and when.
        making.rename(self.engine, new, self.names.failed)
        making.set_restart(self.engine, new, "no")
        with self.progress.step("Putting the old database back") as step:
            done = database.put_back(self.engine, self.names, old, new, step)
            step.note(done)
        making.set_restart(self.engine, old, making.restart_before(new))
        making.rename(self.engine, making.must_inspect(self.engine, self.names.before), self.names.name)
        return done

    def _keep_log(self, new: Inspect) -> Path:
        """The whole log of the container that did not work, in a file that only its owner reads."""
        path = BUILD / "log" / f"upgrade-{self.names.name}-{time.strftime('%Y%m%d-%H%M%S')}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        ended = self.engine.run("logs", str(new["Id"]))
        path.touch(mode=0o600)
        path.write_text(ended.stdout + ended.stderr)
        return path

    def _stuck(self, error: LauncherError, reason: str = "") -> StuckError:
        before = f"The new version did not work: {reason}\n" if reason else ""
        if isinstance(error, StuckError):
            return StuckError(before + error.message, todo=error.todo)
        return StuckError(
            f"{before}The old version could not be put back: {error.message}",
            todo=f"Mend that, then run 'oneedge upgrade --resume --name {self.names.name}': it goes on from here. "
            "docs/upgrade.md has the way by hand.",
        )


def _must(found: Inspect | None) -> Inspect:
    """A container that the phase promises."""
    if found is None:
        raise AssertionError("the phase of an upgrade promises this container")
    return found
