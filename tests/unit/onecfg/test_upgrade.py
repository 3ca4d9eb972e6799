"""Upgrades of small front-ends of 5.10 and 5.12 with changes of their users."""

import json
import os
import pwd
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import cli, defaults
from onecfg.catalogue import find
from onecfg.formats import Kind, oned_tree
from onecfg.formats.oned_tree import Section
from onecfg.formats.yaml_tree import Tree
from onecfg.model import ABSENT, Command, Symbol
from onecfg.upgrades import migrations
from onecfg.upgrades.migrations.before import Before
from onecfg.upgrades.modes import ModeError, Modes
from onecfg.upgrades.versions import Version
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Run = Callable[..., tuple[int, str, str]]
ONED, MONITORD, SCHED = "/etc/one/oned.conf", "/etc/one/monitord.conf", "/etc/one/sched.conf"
FLOW, SUNSTONE = "/etc/one/oneflow-server.conf", "/etc/one/sunstone-server.conf"
USERS, MACHINES = "/etc/one/cli/oneuser.yaml", "/etc/one/cli/onevm.yaml"
KVMRC, EXEC = "/var/lib/one/remotes/etc/vmm/kvm/kvmrc", "/etc/one/vmm_exec/vmm_exec_kvm.conf"
EC2, AZURE, ECONE = "/etc/one/ec2_driver.conf", "/etc/one/az_driver.default", "/etc/one/econe.conf"
STATE = "/etc/onecfg.conf"

OF_5_10 = {
    ONED: """\
# this site's own remark
PORT = 2700   # not the stock port
MONITORING_INTERVAL_HOST = 120
MONITORING_INTERVAL_VM = 180
DB = [ BACKEND = "mysql", PASSWD = "hunter2" ]
VNC_PORTS = [ START = 5900 ]
IM_MAD = [ NAME = "collectd", EXECUTABLE = "collectd", ARGUMENTS = "-p 4124 -f 5 -t 50 -i 30" ]
IM_MAD = [ NAME = "kvm", EXECUTABLE = "one_im_ssh", ARGUMENTS = "-r 3 -t 99 kvm-probes" ]
IM_MAD = [ NAME = "xen", EXECUTABLE = "one_im_ssh", ARGUMENTS = "xen" ]
VM_MAD = [ NAME = "kvm", EXECUTABLE = "one_vmm_exec", ARGUMENTS = "-t 15 kvm" ]
MARKET_MAD = [ EXECUTABLE = "one_market", ARGUMENTS = "-t 15 -m http,s3,one,linuxcontainers" ]
VM_RESTRICTED_ATTR = "CONTEXT/FILES"
VM_RESTRICTED_ATTR = "SITE/OWN"
HOST_ENCRYPTED_ATTR = "AZ_ID"
HOST_ENCRYPTED_ATTR = "EC2_SECRET"
TM_MAD_CONF = [ NAME = "ssh", LN_TARGET = "SYSTEM" ]
AUTH_MAD_CONF = [ NAME = "ldap", PASSWORD_CHANGE = "YES" ]
""",
    SCHED: "# how often\nSCHED_INTERVAL = 30 # seconds\nMAX_VM = 5000\n",
    FLOW: ":one_xmlrpc: http://localhost:2633/RPC2 # ours\n:lcm_interval: 30\n:wait_timeout: 99\n",
    SUNSTONE: ":port: 9869\n:marketplace_url: http://marketplace.opennebula.systems/\n",
    MACHINES: ":UCPU:\n  :size: 4\n:UMEM:\n  :size: 7\n:default:\n"
    + "".join(f"- :{name}\n" for name in ("ID", "USER", "GROUP", "NAME", "STAT", "UCPU", "UMEM", "HOST", "TIME"))
    + ":default_conf:\n  :user:\n"
    + "".join(f"  - :{name}\n" for name in ("ID", "NAME", "STAT", "TIME", "UCPU", "UMEM", "HOST")),
    USERS: ":default:\n- :ID\n- :NAME\n- :GROUP\n- :AUTH\n",
    EXEC: 'FEATURES = [ PAE = "no", GUEST_AGENT = "no", VIRTIO_SCSI_QUEUES = "4" ]\nDISK = [ DRIVER = "raw" ]\n',
    KVMRC: "# drivers\nexport LANG=C\nSHUTDOWN_TIMEOUT=300\nSYNC_TIME=no # for now\n",
    EC2: "proxy_uri:\nstate_wait_timeout_seconds: 700\ninstance_types:\n    t9.site: {cpu: 1, memory: 2}\n",
    AZURE: "<TEMPLATE>\n  <AZURE>\n     <LOCATION>west-europe</LOCATION>\n     <INSTANCE_TYPE>Small</INSTANCE_TYPE>\n"
    "  </AZURE>\n</TEMPLATE>\n",
    ECONE: ":port: 4567\n",
}


@pytest.fixture
def lay(put: Put) -> Callable[[dict[str, str]], None]:
    """Write files as seen from ``/``."""

    def write(tree: dict[str, str]) -> None:
        for name, text in tree.items():
            put(name, text)

    return write


@pytest.fixture
def upgrade(run: Run, backups: Path) -> Run:
    """Run ``onecfg upgrade`` from 5.10 to 6.0, with more options or others."""

    def command(*options: str, source: str = "5.10.0", target: str = "6.0.0") -> tuple[int, str, str]:
        return run("upgrade", "--unprivileged", "--from", source, "--to", target, *options)

    return command


def text(locations: Locations, name: str) -> str:
    return locations.under(name).read_text()


def yaml(locations: Locations, name: str) -> dict[object, object]:
    root = Tree(text(locations, name)).root
    assert root is not None
    assert isinstance(root.data, dict)
    return dict(root.data.items())


def sections(locations: Locations, name: str, key: str) -> dict[str, dict[str, str]]:
    """The entries of each section ``key`` by its NAME."""
    nodes = oned_tree.parse(text(locations, name))
    found = [
        {entry.key: entry.value for entry in node.entries}
        for node in nodes
        if isinstance(node, Section) and node.key == key
    ]
    return {entries.get("NAME", ""): entries for entries in found}


def snapshot(locations: Locations) -> dict[str, bytes]:
    """Every file of the tree but the backups."""
    return {
        str(path): path.read_bytes()
        for path in locations.root.rglob("*")
        if path.is_file() and "kept" not in path.parts
    }


Lay = Callable[[dict[str, str]], None]


# -- from 5.10


def test_the_users_values_survive_and_the_stock_ones_move_on(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    code, out, err = upgrade()
    assert (code, out) == (0, "")
    oned = text(locations, ONED)
    assert oned.startswith("# this site's own remark\nPORT = 2700   # not the stock port\nDB = [")
    assert sections(locations, ONED, "DB")[""]["PASSWD"] == '"hunter2"'
    assert sections(locations, ONED, "DB")[""]["TIMEOUT"] == "2500"
    assert 'VM_RESTRICTED_ATTR = "SITE/OWN"\n' in oned
    assert 'VM_RESTRICTED_ATTR = "DISK/SIZE_IOPS_SEC"\n' in oned
    assert "AZ_ID" not in oned
    assert 'HOST_ENCRYPTED_ATTR = "EC2_SECRET"\n' in oned
    assert "turnkeylinux,dockerhub" in sections(locations, ONED, "MARKET_MAD")[""]["ARGUMENTS"]
    assert text(locations, SCHED) == (
        "# how often\nSCHED_INTERVAL = 15 # seconds\nMAX_VM = 5000\nCOLD_MIGRATE_MODE = 0\n"
    )
    flow = yaml(locations, FLOW)
    assert Symbol("lcm_interval") not in flow
    assert (flow[Symbol("wait_timeout")], flow[Symbol("page_size")]) == (99, 10)
    assert "# ours" in text(locations, FLOW)
    assert text(locations, KVMRC).startswith(
        "# drivers\nexport LANG=C\nSHUTDOWN_TIMEOUT=180\nSYNC_TIME=yes # for now\n"
    )
    assert "export FORCE_DESTROY=yes" in text(locations, KVMRC)
    assert re.search(r"^ANY  : Configuration updated to 6.0.0$", err, re.MULTILINE)


def test_a_section_that_differs_keeps_the_entries_that_differ(
    upgrade: Run, lay: Lay, locations: Locations
) -> None:
    lay(OF_5_10)
    upgrade()
    features = sections(locations, EXEC, "FEATURES")[""]
    assert features == {
        "PAE": '"no"',
        "GUEST_AGENT": '"yes"',
        "VIRTIO_SCSI_QUEUES": '"4"',
        "IOTHREADS": '"0"',
    }


def test_sections_that_the_user_removed_stay_away(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)  # without TM_MAD_CONF "dev", VM_MAD "vcenter" and most AUTH_MAD_CONF
    code, _, err = upgrade("-d")
    assert code == 0
    assert set(sections(locations, ONED, "TM_MAD_CONF")) == {'"ssh"'}
    assert set(sections(locations, ONED, "AUTH_MAD_CONF")) == {'"ldap"'}
    assert sections(locations, ONED, "AUTH_MAD_CONF")['"ldap"']["DRIVER_MANAGED_GROUP_ADMIN"] == '"YES"'
    assert set(sections(locations, ONED, "VM_MAD")) == {'"kvm"', '"firecracker"', '"qemu"', '"lxc"'}
    assert f'INFO : Kept {ONED} TM_MAD_CONF/"dev"/DRIVER: Patch path \'TM_MAD_CONF/"dev"\' not found.' in err


def test_monitoring_moves_to_its_own_file(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    assert upgrade()[0] == 0
    assert set(sections(locations, ONED, "IM_MAD")) == {'"monitord"'}
    assert "MONITORING_INTERVAL" not in text(locations, ONED)
    moved = sections(locations, MONITORD, "IM_MAD")
    assert set(moved) == {'"dummy"', '"kvm"', '"xen"', '"qemu"', '"lxc"', '"firecracker"'}
    assert moved['"kvm"']["ARGUMENTS"] == '"-r 3 -t 99 kvm-probes"'
    assert moved['"kvm"']["THREADS"] == "0"
    assert moved['"xen"'] == {"NAME": '"xen"', "EXECUTABLE": '"one_im_ssh"', "ARGUMENTS": '"xen"'}
    periods = sections(locations, MONITORD, "PROBES_PERIOD")[""]
    assert [periods[key] for key in ("BEACON_HOST", "SYSTEM_HOST", "MONITOR_HOST", "MONITOR_VM")] == [
        "20",
        "300",
        "30",
        "30",
    ]
    assert "\nMONITORING_INTERVAL_HOST = 120\n" in text(locations, MONITORD)


@pytest.mark.parametrize(
    ("interval", "collecting", "beacon", "system", "warned"),
    [
        ("180", "-i 60", "30", "600", False),
        ('"600"', "-i60", "100", "600", False),
        ("29", "", "30", "600", True),
        ("soon", "-t 5", "30", "600", False),
        ("30", "-i 5", "5", "50", False),
    ],
)
def test_intervals(
    upgrade: Run,
    put: Put,
    locations: Locations,
    *,
    interval: str,
    collecting: str,
    beacon: str,
    system: str,
    warned: bool,
) -> None:
    put(
        ONED,
        f'MONITORING_INTERVAL_HOST = {interval}\nIM_MAD = [ NAME = "collectd", ARGUMENTS = "{collecting}" ]\n',
    )
    code, _, err = upgrade()
    periods = sections(locations, MONITORD, "PROBES_PERIOD")[""]
    assert (code, periods["BEACON_HOST"], periods["SYSTEM_HOST"]) == (0, beacon, system)
    assert ("WARN : " in err) == warned
    assert ("MONITORING_INTERVAL_HOST is below 30" in err) == warned


def test_a_monitord_that_is_there_stays(upgrade: Run, lay: Lay, put: Put, locations: Locations) -> None:
    lay(OF_5_10)
    put(MONITORD, 'NETWORK = [ PORT = 5000 ]\nIM_MAD = [ NAME = "kvm", ARGUMENTS = "mine" ]\n')
    assert upgrade(target="5.12.0")[0] == 0
    assert (
        text(locations, MONITORD) == 'NETWORK = [ PORT = 5000 ]\nIM_MAD = [ NAME = "kvm", ARGUMENTS = "mine" ]\n'
    )


def test_keys_become_symbols_with_their_values(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    upgrade()
    content = yaml(locations, EC2)
    assert set(content) == {Symbol("proxy_uri"), Symbol("state_wait_timeout_seconds"), Symbol("instance_types")}
    assert content[Symbol("state_wait_timeout_seconds")] == 700
    types = content[Symbol("instance_types")]
    assert isinstance(types, dict)
    assert types["t9.site"] == {"cpu": 1, "memory": 2}
    assert types["a1.metal"] == {"cpu": 16, "memory": 32.0}


def test_columns_are_exchanged_in_place(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    upgrade()
    content = yaml(locations, MACHINES)
    names = ("ID", "USER", "GROUP", "NAME", "STAT", "CPU", "MEM", "HOST", "TIME")
    assert content[Symbol("default")] == [Symbol(name) for name in names]
    assert yaml(locations, USERS)[Symbol("default")] == [
        Symbol(name) for name in ("ID", "NAME", "ENABLED", "GROUP", "AUTH")
    ]


def test_columns_in_the_users_order_take_the_new_one_nearby(upgrade: Run, put: Put, locations: Locations) -> None:
    put(USERS, ":default:\n- :NAME\n- :AUTH\n- :ID\n- :GROUP\n")
    assert upgrade()[0] == 0
    assert yaml(locations, USERS)[Symbol("default")] == [
        Symbol(name) for name in ("NAME", "AUTH", "ID", "ENABLED", "GROUP")
    ]


def test_a_plain_file_takes_the_diff_or_stays(upgrade: Run, lay: Lay, put: Put, locations: Locations) -> None:
    lay(OF_5_10)
    upgrade()
    assert "<INSTANCE_TYPE>Standard_B1ls<" in text(locations, AZURE)
    put(AZURE, "<TEMPLATE/>\n")
    assert upgrade()[0] == 0
    assert text(locations, AZURE) == "<TEMPLATE/>\n"


def test_new_files_are_those_of_the_front_end(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    upgrade()
    for migration in migrations.MIGRATIONS:
        for name in migration.new_files:
            path = locations.under(name)
            entry = find(name)
            assert entry is not None
            assert path.stat().st_mode & 0o777 == entry.mode
            if name != MONITORD:
                assert path.read_bytes() == (defaults.TREE / name.lstrip("/")).read_bytes()
    assert not locations.under(ECONE).exists()


def test_everything_can_be_read_afterwards(upgrade: Run, run: Run, lay: Lay) -> None:
    lay(OF_5_10)
    upgrade()
    assert run("validate")[0] == 0


# -- from 5.12


def test_a_lease_is_renamed_with_its_value(upgrade: Run, put: Put, locations: Locations) -> None:
    put(SUNSTONE, ":leases: # ours\n  suspense:\n    time: '+5'\n  terminate:\n    time: '+9'\n")
    assert upgrade(source="5.12.3")[0] == 0
    assert yaml(locations, SUNSTONE)[Symbol("leases")] == {"terminate": {"time": "+9"}, "suspend": {"time": "+5"}}
    assert "# ours" in text(locations, SUNSTONE)


def test_only_the_migrations_on_the_way_are_made(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    assert upgrade(source="5.12.0")[0] == 0
    assert "IM_MAD" in text(locations, ONED)
    assert not locations.under(MONITORD).exists()
    assert "SCHED_INTERVAL = 15 " in text(locations, SCHED)


# -- what a migration says of itself


@pytest.mark.parametrize("migration", migrations.MIGRATIONS, ids=lambda one: one.name)
def test_a_change_of_a_value_says_which_one_it_expects(migration: migrations.Migration, tmp_path: Path) -> None:
    changes = migration.changes(Before(Locations(tmp_path)), [])
    assert len(changes) > 200
    for change in changes:
        assert change.native
        assert change.origin.startswith(migration.name)
        entry = find(change.file)
        assert entry is not None
        if change.command is Command.SET and entry.kind is not Kind.PLAIN:
            assert change.old is not ABSENT
            assert change.old != change.value


def test_the_files_that_the_front_end_ships_need_nothing_more(upgrade: Run, locations: Locations) -> None:
    defaults.install(locations.root)
    code, out, _ = upgrade("--json", source="5.12.0")
    assert code == 0
    assert json.loads(out)["changed"] == []


# -- what decides: modes


@pytest.mark.parametrize(
    ("words", "interval"),
    [
        ([], "77"),
        (["replace"], "15"),
        ([f"replace:{SCHED}"], "15"),
        ([f"skip,replace:{SCHED}:6.0"], "15"),
        ([f"skip:{ONED};replace:{SCHED}"], "15"),
        ([f"replace:{SCHED}:5.12.0"], "77"),
        ([f"replace:{ONED}"], "77"),
        (["replace", f"skip:{SCHED}"], "77"),
        ([f"replace:{SCHED}", f"force:{SCHED}:6.0.0"], "77"),
    ],
)
def test_modes_decide_over_values_of_the_user(
    upgrade: Run, put: Put, locations: Locations, words: list[str], interval: str
) -> None:
    put(SCHED, "SCHED_INTERVAL = 77\n")
    options = [part for word in words for part in ("--patch-modes", word)]
    assert upgrade(*options)[0] == 0
    assert text(locations, SCHED).startswith(f"SCHED_INTERVAL = {interval}\n")


@pytest.mark.parametrize("word", ["", "keep", "skip,keep", "skip:/etc/passwd", f"skip:{ONED}:new", "skip; force"])
def test_malformed_modes(upgrade: Run, put: Put, word: str) -> None:
    put(SCHED, "SCHED_INTERVAL = 77\n")
    code, out, err = upgrade("--patch-modes", word)
    assert (code, out) == (255, "")
    assert err.startswith("FATAL: FAILED - ")


def test_the_closest_mode_counts() -> None:
    modes = Modes.parse(["replace", f"skip:{ONED}", f"force:{ONED}:6.0.0;replace,skip:{ONED}:6.0"], strict=True)
    six, five = Version.parse("6.0.0"), Version.parse("5.12.0")
    assert (modes.policy(SCHED, six).keep, modes.policy(SCHED, six).skip) == (False, False)
    assert (modes.policy(ONED, five).keep, modes.policy(ONED, five).skip) == (True, True)
    assert (modes.policy(ONED, six).keep, modes.policy(ONED, six).skip) == (False, True)
    with pytest.raises(ModeError, match="skip, force, replace"):
        Modes.parse(["dummy"])


def test_strict_fails_where_a_place_is_gone_and_changes_nothing(
    upgrade: Run, lay: Lay, locations: Locations
) -> None:
    lay(OF_5_10)
    before = snapshot(locations)
    code, out, err = upgrade("--patch-strict")
    assert (code, out) == (255, "")
    assert re.search(
        rf"^FATAL: \*\* TERMINATING UPDATE WITHOUT CHANGING SYSTEM \*\* Failed to patch file '{ONED}' - "
        r"5\.10\.0_to_5\.12\.0:\d+: Patch path 'VM_MAD/\"vcenter\"' not found",
        err,
        re.MULTILINE,
    )
    assert snapshot(locations) == before
    assert upgrade("--patch-strict", "--patch-modes", f"skip:{ONED}")[0] == 0


# -- missing files


def test_a_missing_file_is_left_out(upgrade: Run, put: Put, locations: Locations) -> None:
    put(ONED, "PORT = 1\n")
    code, _, err = upgrade("-d")
    assert code == 0
    assert f"INFO : Skip file '{SCHED}' - missing\n" in err
    assert not locations.under(SCHED).exists()


def test_a_missing_file_comes_back_when_asked(upgrade: Run, put: Put, locations: Locations) -> None:
    put(ONED, "PORT = 1\n")
    code, _, err = upgrade("-d", "--recreate")
    assert code == 0
    assert f"INFO : Recreating missing file '{SCHED}'\n" in err
    assert text(locations, SCHED) == (defaults.TREE / SCHED.lstrip("/")).read_text()
    assert f"WARN : Skip file '{AZURE}' - missing. The front-end ships no file '{AZURE}'." in err
    assert not locations.under(ECONE).exists()


def test_drivers_that_are_not_installed_are_not_configured(upgrade: Run, put: Put, locations: Locations) -> None:
    put(ONED, "PORT = 1\n")
    locations.under("/var/lib/one/remotes/etc").rmdir()
    locations.under("/var/lib/one/remotes").rmdir()
    code, _, err = upgrade()
    assert code == 0
    assert "/vmm/lxc/lxcrc' - missing parent dir" in err
    assert not locations.remotes.exists()


def test_an_existing_new_file_stays(upgrade: Run, put: Put, locations: Locations) -> None:
    put("/etc/one/fireedge-server.conf", "port: 1\n")
    code, _, err = upgrade("-d")
    assert code == 0
    assert "INFO : Skip file '/etc/one/fireedge-server.conf' - already exists\n" in err
    assert text(locations, "/etc/one/fireedge-server.conf") == "port: 1\n"


# -- nothing is half done


def test_noop_only_tells(upgrade: Run, lay: Lay, locations: Locations, backups: Path) -> None:
    lay(OF_5_10)
    before = snapshot(locations)
    code, _, err = upgrade("--noop", "-d")
    assert code == 0
    assert f"INFO : Update file '{ONED}'\n" in err
    assert err.endswith("INFO : Changes ARE NOT saved in no-op mode!\n")
    assert "Configuration updated" not in err
    assert snapshot(locations) == before
    assert len(list(backups.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        (ONED, 'PORT = "\n'),
        (SUNSTONE, ":leases: [\n"),
        (EC2, "a: b: c\n"),
        (SCHED, "A = [\n"),
        (MACHINES, "\tx: 1\n"),
    ],
)
@pytest.mark.parametrize("source", ["5.10.0", "5.12.0"])
def test_one_file_that_cannot_be_read_stops_all(
    upgrade: Run, lay: Lay, put: Put, locations: Locations, *, name: str, broken: str, source: str
) -> None:
    lay(OF_5_10)
    put(name, broken)
    before = snapshot(locations)
    code, out, err = upgrade(source=source)
    if source == "5.12.0" and name == EC2:  # which that migration does not touch
        assert code == 0
        return
    assert (code, out) == (255, "")
    assert "FATAL: ** TERMINATING UPDATE WITHOUT CHANGING SYSTEM ** Failed to " in err
    assert f"file '{name}' - " in err
    assert snapshot(locations) == before


def test_a_link_is_refused(upgrade: Run, lay: Lay, put: Put, locations: Locations) -> None:
    lay(OF_5_10)
    target = put("/elsewhere", "SCHED_INTERVAL = 30\n")
    locations.under(SCHED).unlink()
    locations.under(SCHED).symlink_to(target)
    code, _, err = upgrade()
    assert code == 255
    assert "is a symbolic link" in err
    assert target.read_text() == "SCHED_INTERVAL = 30\n"


def killed_before_rename(step: int, locations: Locations) -> bool:
    """Upgrade in a child that kills itself before its ``step``-th rename; whether it got that far."""
    child = os.fork()
    if child == 0:
        left = [step]

        def hook(event: str, _arguments: tuple[object, ...]) -> None:
            if event == "os.rename":
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            root = str(locations.root)
            cli.main(["upgrade", "--unprivileged", "--from", "5.10.0", "--to", "6.0.0", "--prefix", root])
        except BaseException:  # noqa: BLE001 - a child of the test must never return into pytest
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("step", [1, 2, 3, 6, 15])
def test_killed_on_the_way_it_is_all_old_or_all_new(run: Run, lay: Lay, locations: Locations, step: int) -> None:
    lay(OF_5_10)
    old = snapshot(locations)
    assert killed_before_rename(step, locations)
    run("validate")
    now = {name: data for name, data in snapshot(locations).items() if not Path(name).name.startswith(".")}
    if now == old:
        return
    assert yaml(locations, STATE) == {"version": "6.0.0"}
    assert not locations.under(ECONE).exists()
    assert "SCHED_INTERVAL = 15 " in text(locations, SCHED)
    code, _, err = run("upgrade", "--to", "6.0.0")
    assert (code, err) == (0, "ANY  : No updates available\n")


def test_a_second_run_finds_nothing_to_do(upgrade: Run, run: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    upgrade()
    after = snapshot(locations)
    assert run("upgrade", "--to", "6.0.0.3") == (0, "", "ANY  : No updates available\n")
    assert snapshot(locations) == after


def test_the_same_migrations_again_change_no_file(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay({name: text for name, text in OF_5_10.items() if name != EC2})
    upgrade()
    after = snapshot(locations)
    code, out, _ = upgrade("--json")
    assert code == 0
    assert json.loads(out)["changed"] == []
    assert snapshot(locations) == after


def test_a_backup_takes_it_all_back(upgrade: Run, run: Run, lay: Lay, put: Put, locations: Locations) -> None:
    lay(OF_5_10)
    put(STATE, "version: 5.10.0\n")
    before = snapshot(locations)
    upgrade()
    assert snapshot(locations) != before
    assert run("restore")[0] == 0
    assert snapshot(locations) == before


def test_owners_of_new_files_need_an_account(
    run: Run, lay: Lay, locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(name: str) -> pwd.struct_passwd:
        raise KeyError(name)

    monkeypatch.setattr(pwd, "getpwnam", unknown)
    lay(OF_5_10)
    before = snapshot(locations)
    code, _, err = run("upgrade", "--from", "5.10.0", "--to", "6.0.0")
    assert code == 255
    assert "leave owners alone with --unprivileged" in err
    assert snapshot(locations) == before


# -- versions and the state file


def test_the_state_file_gives_the_version_and_gets_the_new_one(
    run: Run, lay: Lay, put: Put, locations: Locations
) -> None:
    lay(OF_5_10)
    put(STATE, "# written by init\nversion: 5.10.4\n")
    assert run("upgrade", "--unprivileged", "--to", "5.12.9")[0] == 0
    assert text(locations, STATE) == "# written by init\nversion: '5.12.0'\n"
    assert run("upgrade", "--unprivileged", "--to", "6.0.0.3")[0] == 0
    assert text(locations, STATE) == "# written by init\nversion: '6.0.0'\n"


def test_the_version_is_recorded_even_when_no_file_needs_a_change(
    upgrade: Run, run: Run, locations: Locations
) -> None:
    for name in migrations.MIGRATIONS[1].new_files:
        locations.under(name).parent.mkdir(parents=True, exist_ok=True)
        locations.under(name).write_text("")
    assert upgrade(source="5.12.0")[0] == 0
    assert yaml(locations, STATE) == {"version": "6.0.0"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--to", "6.0.0"], "Unknown version of the configuration. Name it with --from"),
        (
            ["--from", "5.8.0", "--to", "6.0.0"],
            "Unsupported version 5.8.0. Upgrade OpenNebula and its configuration",
        ),
        (["--from", "5.10.0", "--to", "6.2.0"], "Unsupported version 6.2.0. This release knows"),
        (["--from", "old", "--to", "6.0.0"], "A version is malformed"),
        (["--from", "5.10.0", "--to", "6.x"], "A version is malformed"),
    ],
)
def test_versions_that_cannot_be(
    run: Run, lay: Lay, locations: Locations, options: list[str], reason: str
) -> None:
    lay(OF_5_10)
    before = snapshot(locations)
    code, out, err = run("upgrade", *options)
    assert (code, out) == (255, "")
    assert err.startswith(f"FATAL: FAILED - {reason}")
    assert snapshot(locations) == before


def test_there_is_no_way_back(upgrade: Run, lay: Lay, locations: Locations) -> None:
    lay(OF_5_10)
    before = snapshot(locations)
    assert upgrade(source="6.0.0", target="5.12.0") == (0, "", "ANY  : No updates available\n")
    assert snapshot(locations) == before


def test_a_state_that_missed_an_upgrade_stops(run: Run, lay: Lay, put: Put, locations: Locations) -> None:
    lay(OF_5_10)
    put(STATE, "version: 5.10.0\noutdated: true\n")
    before = snapshot(locations)
    code, _, err = run("upgrade", "--to", "6.0.0")
    assert code == 255
    assert "FATAL: FAILED - The configuration is outdated" in err
    assert snapshot(locations) == before


# -- snapshots


@pytest.fixture
def taken(lay: Lay, put: Put, locations: Locations, tmp_path: Path) -> Path:
    """A snapshot of the old files; the tree itself has new ones that a package put in their place."""
    folder = tmp_path / "taken"
    for name, content in OF_5_10.items():
        path = folder / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    put(SCHED, "SCHED_INTERVAL = 15\n").chmod(0o600)
    put(ONED, "PORT = 2633\n")
    put("/etc/one/fireedge-server.conf", "port: 2616\n")
    put("/etc/one/own-notes", "not ours\n")
    return folder


@pytest.mark.parametrize("from_state", [True, False])
def test_a_snapshot_is_upgraded_in_place_of_the_files(
    run: Run, put: Put, locations: Locations, taken: Path, from_state: bool
) -> None:
    put(STATE, f"version: 5.10.0\nbackup: {taken}\n" if from_state else "version: 5.10.0\n")
    options = [] if from_state else ["--read-from", str(taken)]
    old = {path: path.read_bytes() for path in taken.rglob("*") if path.is_file()}
    code, _, err = run("upgrade", "--unprivileged", "--to", "6.0.0", *options)
    assert code == 0
    assert f"ANY  : Snapshot to update from '{taken}'\n" in err
    assert ("Found backed up configuration to process!" in err) == from_state
    assert text(locations, SCHED).startswith("# how often\nSCHED_INTERVAL = 15 # seconds\n")
    assert locations.under(SCHED).stat().st_mode & 0o777 == 0o600
    assert text(locations, ONED).startswith("# this site's own remark\nPORT = 2700 ")
    assert set(sections(locations, MONITORD, "IM_MAD")) >= {'"xen"'}
    assert text(locations, "/etc/one/fireedge-server.conf") == "port: 2616\n"
    assert text(locations, "/etc/one/own-notes") == "not ours\n"
    assert not locations.under(ECONE).exists()
    assert yaml(locations, STATE) == {"version": "6.0.0"}
    assert {path: path.read_bytes() for path in taken.rglob("*") if path.is_file()} == old


def test_a_snapshot_without_configuration(upgrade: Run, lay: Lay, locations: Locations, tmp_path: Path) -> None:
    lay(OF_5_10)
    before = snapshot(locations)
    code, _, err = upgrade("--read-from", str(tmp_path / "nowhere"))
    assert code == 255
    assert "nowhere/etc/one' to read from. Name the folder that holds etc/one." in err
    assert snapshot(locations) == before


def test_a_snapshot_that_needs_no_update_counts_as_processed(run: Run, put: Put, locations: Locations) -> None:
    put(STATE, "version: 6.0.0\nbackup: /var/snapshot\n")
    code, _, err = run("upgrade", "--noop", "--to", "6.0.0")
    assert (code, yaml(locations, STATE)["backup"]) == (0, "/var/snapshot")
    code, _, err = run("upgrade", "--to", "6.0.0")
    assert code == 0
    assert err.endswith("No updates for the backed up configuration. It counts as processed.\n")
    assert text(locations, STATE) == "version: 6.0.0\n"


# -- for machines


def test_the_result_for_machines_holds_no_value(upgrade: Run, lay: Lay, backups: Path) -> None:
    lay(OF_5_10)
    code, out, err = upgrade("--json", "--debug")
    found = json.loads(out)
    assert code == 0
    assert (found["updated"], found["version"]) == (True, "6.0.0")
    assert found["backup"] == str(next(backups.iterdir()))
    assert {ONED, MONITORD, ECONE} <= set(found["changed"])
    assert {
        "file": EXEC,
        "path": "FEATURES/VIRTIO_SCSI_QUEUES",
        "reason": "the value is the user's own, and stays",
    } in found["kept"]
    assert "hunter2" not in out + err
    assert "DEBUG: Patch [OK] /etc/one/sched.conf set SCHED_INTERVAL: applied" in err


def test_an_error_for_machines(run: Run) -> None:
    code, out, _ = run("upgrade", "--json", "--from", "5.8.0", "--to", "6.0.0")
    assert code == 255
    assert json.loads(out)["error"]["message"] == "Unsupported version 5.8.0."
