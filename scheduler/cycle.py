"""One round: look at everything, give machines their places, do what is due, and tell the owners why not."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from onelib.api import Api, ApiError
from onelib.template import Template
from onelib.template_xml import Element, attributes_of, text_of
from scheduler.access import Rules, subjects
from scheduler.actions import VERBS, done, due
from scheduler.match import Candidates, Dispatch, NoPlaceError, Placement, World, candidates
from scheduler.settings import Settings
from scheduler.view import ACTIVE, PENDING, POWEROFF, Datastore, Host, Machine, Network, integer

Log = Callable[[str, str], None]
"""Takes a letter (E, W, I, D) and a text."""
_MONITORED = 2
_ALL, _NOT_DONE = -2, -1


@dataclass(frozen=True)
class Outcome:
    """What a round did; ``more`` when a limit stopped it while others wait."""

    waiting: int
    placed: int
    more: bool


class Round:
    """Everything of one round."""

    def __init__(self, api: Api, settings: Settings, log: Log) -> None:
        self._api = api
        self._settings = settings
        self._log = log

    def run(self, *, pending_only: bool = False) -> Outcome:
        """Do it; with ``pending_only`` neither actions nor machines that run are looked at.

        Raises :class:`onelib.api.UnreachableError`; what a single machine is refused is only logged.
        """
        state = PENDING if pending_only else _NOT_DONE
        pool = self._api.xml("one.vmpool.infoextended", _ALL, -1, -1, state, "").findall("VM")
        self._scheduled(pool)
        machines = [Machine(one) for one in pool if _waits(one)]
        if self._settings.max_machines:
            machines = machines[: self._settings.max_machines]
        if not machines:
            return Outcome(0, 0, more=False)
        world = self._world()
        found = [one for one in (self._candidates(vm, world) for vm in machines) if one is not None]
        found.sort(key=lambda one: (-one.machine.priority, one.machine.oid))
        return self._dispatch(found, world, len(machines))

    def _world(self) -> World:
        api = self._api
        hosts = [Host(one) for one in api.xml("one.hostpool.info").findall("HOST")]
        return World(
            [host for host in hosts if host.state == _MONITORED],
            [Datastore(one) for one in api.xml("one.datastorepool.info").findall("DATASTORE")],
            [Network(one) for one in api.xml("one.vnpool.info", -2, -1, -1).findall("VNET")],
            Rules(api.xml("one.acl.info")),
            subjects(api.xml("one.userpool.info")),
        )

    def _candidates(self, vm: Machine, world: World) -> Candidates | None:
        try:
            return candidates(vm, world, self._settings)
        except NoPlaceError as error:
            self._tell(vm, str(error))
            return None

    def _dispatch(self, found: list[Candidates], world: World, waiting: int) -> Outcome:
        dispatch = Dispatch(world, self._settings)
        placed, refused = 0, False
        for position, one in enumerate(found):
            if self._settings.max_dispatch and placed >= self._settings.max_dispatch:
                return Outcome(waiting, placed, more=position < len(found))
            try:
                placement = dispatch.place(one)
            except NoPlaceError as error:
                refused = True
                self._tell(one.machine, str(error))
                continue
            placed += self._deploy(placement)
        return Outcome(waiting, placed, more=refused and placed > 0)

    def _deploy(self, placement: Placement) -> bool:
        vm, host = placement.machine, placement.host.oid
        try:
            if vm.resched:
                kind = self._settings.cold_mode
                live = self._settings.live and vm.state == ACTIVE
                self._api.call("one.vm.migrate", vm.oid, host, live, False, -1, kind)
            else:
                self._api.call("one.vm.deploy", vm.oid, host, False, placement.datastore, placement.template)
        except ApiError as error:
            self._log("E", f"VM {vm.oid} could not be deployed on host {host}: {error.message}")
            self._tell(vm, f"Cannot dispatch VM: {error.message}")
            return False
        self._log("I", f"VM {vm.oid} goes to host {host} and datastore {placement.datastore}")
        return True

    def _tell(self, vm: Machine, message: str) -> None:
        """Write SCHED_MESSAGE; the same words again only change its time, so they are not written."""
        self._log("D", f"VM {vm.oid}: {message}")
        if vm.message.partition(" : ")[2] == message:
            return
        attribute = Template([("SCHED_MESSAGE", f"{time.ctime()} : {message}")])
        self._update(vm.oid, attribute)

    def _update(self, oid: int, template: Template) -> None:
        try:
            self._api.call("one.vm.update", oid, template.to_text(), 1)
        except ApiError as error:
            self._log("W", f"VM {oid} could not be updated: {error.message}")

    def _scheduled(self, pool: list[Element]) -> None:
        """Carry out the actions that are due."""
        for element in pool:
            content = element.find("USER_TEMPLATE")
            if content is None or content.find("SCHED_ACTION") is None:
                continue
            actions = Template(attributes_of(content)).vectors("SCHED_ACTION")
            oid, started = integer(element, "ID"), integer(element, "STIME")
            changed = [self._act(oid, started, action) for action in actions]
            if changed != actions:
                self._update(oid, Template([("SCHED_ACTION", action) for action in changed]))

    def _act(self, oid: int, started: int, action: dict[str, str]) -> dict[str, str]:
        if not due(action, started):
            return action
        verb = action.get("ACTION", "").strip().lower()
        try:
            self._call(oid, verb, [text.strip() for text in action.get("ARGS", "").split(",") if text.strip()])
        except (ApiError, ValueError) as error:
            reason = error.message if isinstance(error, ApiError) else "Its ARGS are not what it takes."
            self._log("W", f"Action {verb} of VM {oid} failed: {reason}")
            message = f"{time.ctime()} : {reason}"
            known = action.get("MESSAGE", "").partition(" : ")[2]
            return action if known == reason else {**action, "MESSAGE": message}
        self._log("I", f"Action {verb} of VM {oid} is under way")
        return done(action, started, int(time.time()))

    def _call(self, oid: int, verb: str, arguments: list[str]) -> None:
        """Raises :class:`ApiError`, or ``ValueError`` for arguments that are not numbers or too few."""
        call = self._api.call
        if verb not in VERBS:
            raise ApiError("This action is not supported.", 0x0800)
        if verb == "snapshot-create":
            call("one.vm.snapshotcreate", oid, arguments[0] if arguments else "")
        elif verb.startswith("snapshot-"):
            call(f"one.vm.{verb.replace('-', '')}", oid, int("".join(arguments[:1])))
        elif verb == "disk-snapshot-create":
            call("one.vm.disksnapshotcreate", oid, int("".join(arguments[:1])), "".join(arguments[1:2]))
        elif verb.startswith("disk-snapshot-"):
            numbers = [int("".join(arguments[:1])), int("".join(arguments[1:2]))]
            call(f"one.vm.{verb.replace('-', '')}", oid, *numbers)
        else:
            call("one.vm.action", verb, oid)


def _waits(element: Element) -> bool:
    state = integer(element, "STATE")
    resched = text_of(element.find("RESCHED")) == "1"
    return state == PENDING or (resched and state in {ACTIVE, POWEROFF})
