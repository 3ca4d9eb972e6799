import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import catalogue, patch
from onecfg.patch import Change, Command, PatchError, Report, Status, apply, overridden, parse, quote
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
ONED, FLOW = "/etc/one/oned.conf", "/etc/one/oneflow-server.conf"


def run(text: str, locations: Locations, **options: bool) -> Report:
    return apply(parse(text, "p"), locations, **options)  # type: ignore[arg-type]


def statuses(report: Report) -> list[Status]:
    return [outcome.status for outcome in report.outcomes]


def test_every_family_in_one_patch_keeps_order_mode_and_owner(put: Put, locations: Locations) -> None:
    oned, flow = put(ONED, "PORT = 1 # c\n"), put(FLOW, ":port: 1 # c\n")
    shell = put("/var/lib/one/remotes/etc/vmm/kvm/kvmrc", "export A=1 # c\n")
    oned.chmod(0o600)
    os.chown(flow, 4321, 1234)
    report = run(
        f"{FLOW} set :port 2\n{ONED} set PORT 2\n{FLOW} set :host 3\n/var/lib/one/remotes/etc/vmm/kvm/kvmrc set A 2",
        locations,
    )
    assert statuses(report) == [Status.APPLIED] * 4
    assert report.saved
    assert report.changed == (FLOW, ONED, "/var/lib/one/remotes/etc/vmm/kvm/kvmrc")
    assert (oned.read_text(), flow.read_text(), shell.read_text()) == (
        "PORT = 2 # c\n",
        ":port: 2 # c\n:host: 3\n",
        "export A=2 # c\n",
    )
    assert oned.stat().st_mode & 0o777 == 0o600
    assert (flow.stat().st_uid, flow.stat().st_gid) == (4321, 1234)
    assert sorted(path.name for path in oned.parent.iterdir()) == ["oned.conf", "oneflow-server.conf"]


def test_the_same_patch_again_is_in_place_and_writes_nothing(put: Put, locations: Locations) -> None:
    oned = put(ONED, "PORT = 1\n")
    text = f'{ONED} set PORT 2\n{ONED} ins X "1"\n{ONED} rm NOPE'
    assert run(text, locations).count() == (2, 3)
    before = oned.stat()
    report = run(text, locations)
    assert statuses(report) == [Status.IN_PLACE] * 3
    assert report.count() == (1, 3)
    assert report.count(idempotent=True) == (3, 3)
    assert report.count(FLOW) == (0, 0)
    assert not report.saved
    assert (oned.stat().st_ino, oned.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (f"{FLOW} ins :nope/:z 5", "Failed to patch file '/etc/one/oneflow-server.conf' - p:2: Patch path"),
        ("/etc/one/sched.conf set A 1", "Unknown or missing file to patch '/etc/one/sched.conf'"),
        ("/etc/one/monitord.conf set A 1", "Failed to patch file '/etc/one/monitord.conf' - line 2, column 1"),
        ("/etc/one/az_driver.default set A 1", "no keys"),
        ("/etc/one/nope.conf set A 1", "Unknown or missing file to patch '/etc/one/nope.conf' (p:2)"),
        ("/etc/passwd set A 1", "Unknown or missing file to patch '/etc/passwd'"),
        ("/etc/one/../one/oned.conf set A 1", "Unknown or missing file"),
        ("/etc/one/./oned.conf set A 1", "Unknown or missing file"),
        ("/etc/one//oned.conf set A 1", "Unknown or missing file"),
        ("/etc/one/cli/../oned.yaml set A 1", "Unknown or missing file"),
        ("etc/one/oned.conf set A 1", "Unknown or missing file"),
        ("/etc/one/cli/dir.yaml set A 1", "not a regular file"),
        ("/etc/one/cli/link.yaml set A 1", "symbolic link"),
        ("/etc/one/linked/a.yaml set A 1", "Unknown or missing file"),
        ("/etc/one/sunstone-views/kvm/a.yaml set A 1", "symbolic link"),
        ("/etc/one/cli/big.yaml set A 1", "larger than 8 MiB"),
    ],
)
def test_54_a_fault_in_one_file_leaves_all_untouched(
    put: Put, locations: Locations, second: str, says: str
) -> None:
    oned = put(ONED, "PORT = 1\n")
    put(FLOW, ":port: 1\n")
    put("/etc/one/monitord.conf", "A = 1\nB\n")
    put("/etc/one/az_driver.default", "x\n")
    put("/etc/one/cli/dir.yaml/x", "x")
    put("/etc/one/real/a.yaml", "A: 2\n")
    big = put("/etc/one/cli/big.yaml", "a: 1\n")
    os.truncate(big, 10 << 20)
    locations.under("/etc/one/cli/link.yaml").symlink_to(big)
    locations.under("/etc/one/linked").symlink_to("real")
    locations.under("/etc/one/sunstone-views").mkdir()
    locations.under("/etc/one/sunstone-views/kvm").symlink_to("../real")
    with pytest.raises(PatchError) as caught:
        run(f"{ONED} set PORT 2\n{second}", locations)
    assert says in caught.value.message
    assert caught.value.todo
    assert caught.value.exit_code == 255
    assert oned.read_text() == "PORT = 1\n"


def test_the_folder_of_configuration_may_be_a_link_below_the_root_only(put: Put, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "run/one/etc").mkdir(parents=True)
    (root / "etc").mkdir()
    outside.mkdir()
    for folder in (root / "run/one/etc", outside):
        (folder / "oned.conf").write_text("PORT = 1\n")
    (root / "etc/one").symlink_to("../run/one/etc")
    assert run(f"{ONED} set PORT 2", Locations(root)).saved
    assert (root / "run/one/etc/oned.conf").read_text() == "PORT = 2\n"
    (root / "etc/one").unlink()
    (root / "etc/one").symlink_to(outside)
    with pytest.raises(PatchError, match="leaves"):
        run(f"{ONED} set PORT 2", Locations(root))
    assert (outside / "oned.conf").read_text() == "PORT = 1\n"


def test_the_drivers_configuration_may_be_a_link_too(put: Put, locations: Locations) -> None:
    name = "/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
    kvmrc = put("/run/one/remotes/vmm/kvm/kvmrc", "A=1\n")
    locations.under("/var/lib/one/remotes/etc").rmdir()
    locations.under("/var/lib/one/remotes/etc").symlink_to("../../../../run/one/remotes")
    assert run(f"{name} set A 2", locations).saved
    assert kvmrc.read_text() == "A=2\n"
    locations.under("/run/one/remotes/vmm/kvm").rename(locations.root / "elsewhere")
    locations.under("/run/one/remotes/vmm/kvm").symlink_to(locations.root / "elsewhere")
    with pytest.raises(PatchError, match="symbolic link"):
        run(f"{name} set A 2", locations)


def test_dry_run_and_require_all_change_nothing(put: Put, locations: Locations) -> None:
    oned = put(ONED, "PORT = 1\n")
    called: list[str] = []
    report = apply(
        parse(f"{ONED} set PORT 2"), locations, dry_run=True, before_saving=lambda: called.append("yes")
    )
    assert (report.saved, report.changed, report.count()) == (False, (ONED,), (1, 1))
    report = run(f"{ONED} set PORT 2\n{ONED} rm NOPE", locations, require_all=True)
    assert (report.saved, report.count()) == (False, (1, 2))
    assert oned.read_text() == "PORT = 1\n"
    assert called == ["yes"]
    assert run(f"{ONED} set PORT 2\n{ONED} rm NOPE", locations, require_all=True, idempotent=True).saved
    assert oned.read_text() == "PORT = 2\n"


def test_changes_made_in_code_take_any_name_and_value(put: Put, locations: Locations) -> None:
    oned = put(ONED, 'VM_MAD = [ NAME = "a/b", TYPE = 1 ]\nDB = [ BACKEND = "x" ]\n')
    password = 'p"a\\ss #[],\n'
    apply(
        [
            Change(ONED, Command.SET, ("VM_MAD", '"a/b"', "TYPE"), 2),
            Change(ONED, Command.SET, "DB/PASSWD", quote(password)),
        ],
        locations,
    )
    assert oned.read_text() == (
        f'VM_MAD = [ NAME = "a/b", TYPE = 2 ]\nDB = [ BACKEND = "x",\n    PASSWD = {quote(password)} ]\n'
    )


def test_no_report_or_error_shows_a_value(put: Put, locations: Locations) -> None:
    put(ONED, 'DB = [ BACKEND = "x" ]\n')
    put(FLOW, ":port: 1\n")
    for line in (
        f'{ONED} set DB/PASSWD "hunter2 x"',
        f'{ONED} set DB/a/b "hunter2"',
        f'{FLOW} rm :port "hunter2"',
        f'{ONED} set DB "hunter2"',
        f'{ONED} set DB/PASSWD ["hunter2"]',
    ):
        with pytest.raises(PatchError) as caught:
            run(line, locations)
        assert "hunter2" not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    report = run(f'{ONED} set DB/PASSWD "hunter2"\n{ONED} ins DB/PASSWD "hunter2"', locations)
    assert "hunter2" not in f"{report} {[str(outcome) for outcome in report.outcomes]}"
    assert str(report.outcomes[1]) == f"{ONED} ins DB/PASSWD: already in place (this value is there)"


def test_changes_that_are_overridden_are_found_above_and_below_too() -> None:
    user = parse(
        f"{ONED} set DB/BACKEND 1\n{ONED} rm LOG\n{FLOW} set :guacd/:port 1\n{ONED} set PORT 1\n{FLOW} set :port 1"
    )
    own = [
        Change(ONED, Command.SET, ("DB", "BACKEND"), 2),
        Change(ONED, Command.SET, "LOG/SYSTEM", 2),
        Change(FLOW, Command.SET, ":guacd", {}),
        Change(FLOW, Command.SET, "port", 2),
    ]
    assert overridden(user, own) == user[:3]


def test_text_that_is_not_utf8_passes_through_where_it_is_not_touched(put: Put, locations: Locations) -> None:
    oned = put(ONED, b"# caf\xe9\nPORT = 1\n")
    run(f"{ONED} set PORT 2", locations)
    assert oned.read_bytes() == b"# caf\xe9\nPORT = 2\n"
    put(FLOW, b"# caf\xe9\n:port: 1\n")
    with pytest.raises(PatchError, match="line 1, column 6: Not UTF-8"):
        run(f"{FLOW} set :port 2", locations)


def test_a_variable_given_twice_is_warned_about(put: Put, locations: Locations) -> None:
    put("/etc/one/tmrc", "A=1\nA=2\n")
    assert run("/etc/one/tmrc set B 1", locations).warnings == (
        "File tmrc: Variable A specified multiple times. Only last value will be respected.",
    )


def test_a_full_disk_leaves_everything_as_it_was(put: Put, locations: Locations) -> None:
    """A file size limit of the process stands in for the disk: the write fails in the kernel."""
    oned, sched = put(ONED, "PORT = 1\n"), put("/etc/one/sched.conf", "A = 1\n" + "# filler\n" * 500)
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        "from onecfg.patch import *; from onelib.locations import Locations\n"
        "apply(parse('/etc/one/oned.conf set PORT 2\\n/etc/one/sched.conf set A 2'), Locations(Path(sys.argv[1])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(locations.root)],
        capture_output=True,
        text=True,
        check=False,
        env={
            "PYTHONPATH": str(Path(patch.__file__).parent.parent),
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",  # the limit would cut them too
        },
    )
    assert done.returncode == 1
    assert "cannot be written: File too large. No file was changed." in done.stderr
    assert oned.read_text() == "PORT = 1\n"
    assert sched.read_text().startswith("A = 1\n")
    assert sorted(path.name for path in oned.parent.iterdir()) == ["oned.conf", "sched.conf"]


def test_a_large_file_and_many_changes_stay_quick(put: Put, locations: Locations) -> None:
    oned = put(ONED, "".join(f'VM_RESTRICTED_ATTR = "A/{index}" # {"x" * 60}\n' for index in range(50_000)))
    begin = time.process_time()
    run("\n".join(f'{ONED} ins VM_RESTRICTED_ATTR "\\"B/{index}\\""' for index in range(20)), locations)
    assert time.process_time() - begin < 10
    assert oned.read_text().endswith('VM_RESTRICTED_ATTR = "B/19"\n')


def test_importing_the_engine_loads_no_yaml() -> None:
    code = "import sys, onecfg.patch; print([name for name in ('yaml', 'ruamel.yaml', 'click') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(patch.__file__).parent.parent)},
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (ONED, "oned"),
        ("/etc/one/vmm_exec/vmm_execrc", "shell"),
        ("/etc/one/cli/onevm.yaml", "yaml-strict"),
        ("/etc/one/sunstone-views/kvm/admin.yaml", "yaml"),
        ("/etc/one/sunstone-views/admin.yaml", "yaml"),
        ("/etc/one/ec2query_templates/x.erb", "plain"),
        ("/var/lib/one/remotes/etc/vmm/lxc/lxcrc", "yaml"),
        ("/etc/one/cli/a/onevm.yaml", None),
        ("/etc/one/cli/onevmXyaml", None),
        ("/etc/one/sunstone-views/../oned.yaml", None),
        ("/etc/one/oned.conf/", None),
        ("oned.conf", None),
    ],
)
def test_the_catalogue_knows_the_family_of_each_file(path: str, kind: str | None) -> None:
    entry = catalogue.find(path)
    assert (entry and entry.kind.value) == kind


def test_no_file_is_of_two_entries() -> None:
    literal = [entry.pattern for entry in catalogue.CATALOGUE if "*" not in entry.pattern]
    assert all(sum(entry.matches(path) for entry in catalogue.CATALOGUE) == 1 for path in literal)
