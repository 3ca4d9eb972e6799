"""The 58 numbered cases of the behaviour of OpenNebula 6.0's ``onecfg patch``, through the command itself.

A case is one patch of one file. Where we do something else than 6.0 does, ``ours`` says what 6.0 does and why we
differ; everywhere else exit code and file are those of 6.0.
"""

import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from onecfg import cli, defaults
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]

ONED = "/etc/one/oned.conf"
KVM = "/etc/one/vmm_exec/vmm_exec_kvm.conf"
FLOW = "/etc/one/oneflow-server.conf"  # YAML whose lists are sets
VIEW = "/etc/one/cli/onevm.yaml"  # YAML whose lists are ordered
KVMRC = "/var/lib/one/remotes/etc/vmm/kvm/kvmrc"
PLAIN = "/etc/one/az_driver.default"

BASE = """PORT = 2633 # the port

DB = [ BACKEND = "sqlite",
       TIMEOUT = 2500 ]
"""
MADS = """VM_MAD = [
    NAME = "kvm",
    ARGUMENTS = "-t 15" ]
VM_MAD = [
    NAME = "vcenter",
    ARGUMENTS = "-p",
    DEFAULT = "x" ]
"""
ATTRS = 'VM_RESTRICTED_ATTR = "NIC/MAC"\nVM_RESTRICTED_ATTR = "NIC/VLAN_ID" # two\nEND = 1\n'
TWICE = "PORT = 1\nX = 0\nPORT = 2\n"
YAML = """---
# head
:port: 2616 # the port
:sym: :foo
:flag: yes
:list:
- a # of a
- b
:map:
  :x: 1
"""
COLUMNS = ":default:\n- :ID # number\n- :USER\n"
SHELL = """# head
export LANG=C
SHUTDOWN_TIMEOUT=180 # tail
#IO=native
export FOO BAR
DUP=1
DUP=2
"""
TEXT = "<VM>\n  <CPU>1</CPU>\n</VM>\n"
DIFF = "--- a\\n+++ b\\n@@ -1,3 +1,3 @@\\n <VM>\\n-  <CPU>1</CPU>\\n+  <CPU>2</CPU>\\n </VM>\\n"


@dataclass(frozen=True)
class Case:
    """A patch of ``file``; a line of it that does not begin with a file name is one of that file."""

    number: str
    file: str
    before: str
    patch: str
    code: int
    after: str | None = None
    """The file afterwards; the same by default."""
    says: str = ""
    options: tuple[str, ...] = ()
    ours: str = ""
    """What 6.0 does instead, and why we do not."""


def each(
    number: str, file: str, before: str, code: int, *patches: str, says: str = "", ours: str = ""
) -> list[Case]:
    """Cases of one number whose file stays as it is."""
    return [Case(number, file, before, patch, code, says=says, ours=ours) for patch in patches]


LAYOUT = "6.0 takes comments and layout away when it writes YAML; the data is the same"
BYTES = "6.0 writes the whole file in its own spelling; we leave alone what the patch does not name"

ONED_CASES = [
    Case("1", ONED, BASE, "set PORT 2700", 0, BASE.replace("2633", "2700")),
    Case("2", ONED, BASE, "set PORT 2633", 0),
    Case("3", ONED, BASE, "set FOO 1", 0, BASE + "FOO = 1\n"),
    Case("4", ONED, BASE, "ins PORT 99", 0, BASE.replace("2633", "99")),
    Case("5", ONED, BASE, 'ins PORT "2633"', 255, says="ERROR: No changes applied"),
    Case("6", ONED, BASE, "ins PORT 2633", 0),
    Case("7", ONED, BASE, "rm PORT", 0, BASE.removeprefix("PORT = 2633 # the port\n")),
    Case("8", ONED, BASE, "rm NOPE", 255, says="ERROR: No changes applied"),
    Case("9", ONED, BASE, "rm NOPE\nset PORT 1", 1, BASE.replace("2633", "1")),
    Case("10", ONED, BASE, "rm NOPE\nset PORT 1", 255, options=("--all",), says="due to 1 unapplied changes!"),
    Case("11", ONED, BASE, 'set PORT "a b"', 255, says="not a single word"),
    Case("12", ONED, BASE, r'set PORT "\"a b\""', 0, BASE.replace("2633", '"a b"')),
    *each("13", ONED, BASE, 255, "set PORT", "set PORT null", says="The value for PORT is empty"),
    *each("13", ONED, BASE, 255, 'set PORT ["a"]', 'set PORT {"a":1}', says="A list or an object"),
    *each("13", ONED, BASE, 255, 'set PORT "[x]"', 'set PORT "a#b"', says="not a single word"),
    Case("14", ONED, BASE, "set PORT '11'", 255, says="The value is not JSON"),
    Case("15", ONED, BASE, "SET PORT 2700", 0, BASE.replace("2633", "2700")),
    Case("16", ONED, BASE, "upd PORT 1", 255, says="Invalid patch action 'upd'"),
    Case("17", ONED, BASE, "/etc/one/nope set PORT 1", 255, says="Unknown or missing file to patch '/etc/one/nope'"),
    Case("17", ONED, BASE, "/etc/one/sched.conf set A 1", 255, says="missing file to patch '/etc/one/sched.conf'"),
    Case("17", ONED, BASE, ONED, 255, says="Invalid format at line: 1."),
    *each("18", ONED, BASE, 255, "", "\n# nothing\n", says="ERROR: No changes to apply"),
    Case("19", ONED, BASE, r'set DB/BACKEND "\"mysql\""', 0, BASE.replace("sqlite", "mysql")),
    Case(
        "20", ONED, BASE, r'ins DB/SERVER "\"localhost\""', 0,
        BASE.replace("2500 ]", '2500,\n    SERVER = "localhost" ]'),
    ),
    Case("21", ONED, BASE, "rm DB/TIMEOUT", 0, BASE.replace(",\n       TIMEOUT = 2500 ]", " ]")),
    Case("22", ONED, 'DB = [ BACKEND = "x" ]\n', "rm DB/BACKEND", 255, says="rm DB"),
    Case("23", ONED, BASE, "rm DB", 0, "PORT = 2633 # the port\n\n"),
    Case("24", ONED, BASE, "ins NEWSEC/KEY 5", 0, BASE + "NEWSEC = [\n    KEY = 5\n]\n"),
    Case("25", ONED, BASE, 'set DB/a/b "x"', 255, says="Unknown index key name for section DB"),
    Case("25", ONED, BASE, "set DB/a/b/c 1", 255, says="4 elements"),
    Case("26", ONED, BASE, "set /PORT 1", 0, BASE.replace("2633", "1")),
    Case("26", ONED, BASE, "set DB//BACKEND 1", 0, BASE.replace('"sqlite"', "1")),
    Case("26", ONED, BASE, 'set "DB/BACKEND" 1', 0, BASE.replace('"sqlite"', "1")),
    Case("27", ONED, BASE, " \tset PORT 1 \r\n", 0, BASE.replace("2633", "1")),
    Case("27", ONED, BASE, "set PORT 1 # hi", 255, says="nothing may follow the value"),
    Case("28", ONED, MADS, r'set VM_MAD/"kvm"/ARGUMENTS "\"-t 5\""', 0, MADS.replace("-t 15", "-t 5")),
    Case("28", ONED, MADS, r'set "VM_MAD/\"kvm\"/ARGUMENTS" "\"-t 5\""', 0, MADS.replace("-t 15", "-t 5")),
    Case("29", ONED, MADS, "set VM_MAD/kvm/ARGUMENTS 1", 255, says='Quote the name as in the file: VM_MAD/"kvm"'),
    Case("29", ONED, MADS, 'set VM_MAD/"lxc"/ARGUMENTS 1', 255, says="""Patch path 'VM_MAD/"lxc"' not found"""),
    Case(
        "30", ONED, MADS, r'ins VM_MAD/"lxc"/NAME "\"lxc\""' "\n" r'ins VM_MAD/"lxc"/TYPE "\"xml\""', 0,
        MADS + 'VM_MAD = [\n    NAME = "lxc",\n    TYPE = "xml"\n]\n',
    ),
    Case(
        "30", ONED, MADS, r'ins VM_MAD/"lxc"/NAME "\"qemu\""' "\n" r'ins VM_MAD/"lxc"/TYPE "\"xml\""', 255,
        says="""Patch path 'VM_MAD/"lxc"' not found""",
    ),
    Case("31", ONED, MADS, 'rm VM_MAD/"vcenter"/DEFAULT', 0, MADS.replace(',\n    DEFAULT = "x"', "")),
    Case("32", ONED, MADS, 'rm VM_MAD/"vcenter"', 255, says="ERROR: No changes applied"),
    Case("33", ONED, MADS.replace("kvm", "k v"), 'set "VM_MAD/\\"k v\\"/TYPE" 1', 0,
         MADS.replace("kvm", "k v").replace('15" ]', '15",\n    TYPE = 1 ]')),
    Case("33", ONED, MADS.replace("kvm", "k v"), 'set VM_MAD/"k v"/TYPE 1', 255, says="The value is not JSON"),
    Case("33", ONED, MADS.replace("kvm", "k/v"), 'set VM_MAD/"k/v"/TYPE 1', 255, says="which splits the path there"),
    Case("33", ONED, MADS.replace("kvm", "k'v"), """set VM_MAD/"k'v"/TYPE 1""", 0,
         MADS.replace("kvm", "k'v").replace('15" ]', '15",\n    TYPE = 1 ]'),
         ours="6.0 fails at the apostrophe, which its own query language cannot quote"),
    *each("34", ONED, MADS.replace("vcenter", "kvm"), 255, "set PORT 1", says="Duplicate identification for VM_MAD"),
    *each("34", ONED, 'VM_MAD = [ TYPE = "x" ]\n', 255, "set PORT 1", says="Missing NAME identification"),
    *each("34", ONED, "F = [ A = 1 ]\nF = [ A = 2 ]\n", 255, "set PORT 1", says="Invalid multiple sections of F"),
    Case("35", ONED, ATTRS, r'ins VM_RESTRICTED_ATTR "\"NEW\""', 0, ATTRS + 'VM_RESTRICTED_ATTR = "NEW"\n'),
    Case("35", ONED, ATTRS, r'ins VM_RESTRICTED_ATTR "\"NIC/MAC\""', 255, says="No changes applied"),
    Case("35", ONED, ATTRS, 'ins VM_RESTRICTED_ATTR "N"\n' * 2, 1, ATTRS + "VM_RESTRICTED_ATTR = N\n"),
    Case("36", ONED, ATTRS, r'rm VM_RESTRICTED_ATTR "\"NIC/MAC\""', 0, ATTRS.partition("\n")[2]),
    *each("36", ONED, ATTRS, 255, "rm VM_RESTRICTED_ATTR", 'rm VM_RESTRICTED_ATTR "zz"', says="No changes applied"),
    Case("37", ONED, ATTRS, r'set VM_RESTRICTED_ATTR "\"ONLY\""', 0, 'VM_RESTRICTED_ATTR = "ONLY"\nEND = 1\n'),
    Case("37", ONED, ATTRS, r'set VM_RESTRICTED_ATTR "\"NIC/MAC\""', 0),
    Case("38", ONED, TWICE, "set PORT 3", 0, "PORT = 3\nX = 0\n"),
    Case("38", ONED, TWICE, "ins PORT 3", 0, "PORT = 3\nX = 0\n"),
    Case("38", ONED, TWICE, "rm PORT", 0, "X = 0\n"),
    Case("38", ONED, TWICE, 'set PORT "1"', 0),
    Case("39", ONED, "port = 1\nx = [ y = 1 ]", "set PORT 5", 0, "port = 5\nx = [ y = 1 ]", ours=BYTES),
    Case("39", ONED, "PORT = 1\r\n# c\r\n", "set PORT 5\nset X 1", 0, "PORT = 5\r\n# c\r\nX = 1\r\n", ours=BYTES),
    Case(
        "40", KVM, '#EMULATOR = /usr/bin/x\nDISK = [\n    DRIVER = "raw"\n]\n', r'ins DISK/IO "\"native\""', 0,
        '#EMULATOR = /usr/bin/x\nDISK = [\n    DRIVER = "raw",\n    IO = "native"\n]\n',
    ),
]  # fmt: skip

YAML_CASES = [
    Case("41", FLOW, YAML, "set :port 2617", 0, YAML.replace("2616", "2617"), ours=LAYOUT),
    Case("42", FLOW, YAML, "set port 5", 0, YAML + "port: 5\n", ours=LAYOUT),
    Case("43", FLOW, YAML, "ins :nope/:z 5", 255, says="Patch path ':nope' not found"),
    Case("43", FLOW, YAML, "set :port 1\nins :nope/:z 5", 255, says="Patch path ':nope' not found"),
    Case("44", FLOW, YAML, "ins :port 2616", 255, says="No changes applied"),
    Case("45", FLOW, YAML, 'ins :list "c"', 0, YAML.replace("- b\n", "- b\n- c\n"), ours=LAYOUT),
    *each("45", FLOW, YAML, 255, 'ins :list "b"', 'rm :list "zz"', says="No changes applied"),
    Case("45", FLOW, YAML, 'rm :list "b"', 0, YAML.replace("- b\n", ""), ours=LAYOUT),
    Case("45", FLOW, YAML, "rm :list", 0, YAML.replace(":list:\n- a # of a\n- b\n", ""), ours=LAYOUT),
    Case("45", FLOW, YAML, 'set :list ["q"]', 0, YAML.replace("\n- a # of a\n- b\n", "\n  - q\n"), ours=LAYOUT),
    Case("46", FLOW, YAML, 'set :sym ":bar"', 0, YAML.replace(":foo", ":bar"), ours=LAYOUT),
    Case("46", FLOW, YAML, 'set :sym ":"', 0, YAML.replace(":foo", "':'"), ours=LAYOUT),
    Case("46", FLOW, YAML, 'ins :new {":a": ":b"}', 0, YAML + ":new:\n  :a: :b\n", ours=LAYOUT),
    Case("46", FLOW, YAML, 'set :flag "true"', 0, YAML.replace("yes", "'true'"), ours=LAYOUT),
    Case("47", FLOW, YAML, "rm :port 2616", 255, says="Unexpected data type Integer"),
    Case("47", FLOW, YAML, "set :list/0 1", 255, says="Expected Hash but got Array"),
    Case("47", FLOW, YAML, "set :port/:x 1", 255, says="Expected Hash but got Integer"),
    Case("47", FLOW, YAML, 'set / {"a":1}', 0, "---\n# head\na: 1\n", ours=LAYOUT),
    *each("48", FLOW, "", 255, "set :a 1", says="Expected Hash but got NilClass"),
    *each("48", FLOW, "# a comment\n", 255, "set :a 1", says="Expected Hash but got NilClass"),
    *each("48", FLOW, ":a: 1\nb: c: d\n", 255, "set :a 1", says="line 2, column"),
    Case("49", VIEW, COLUMNS, 'ins :default ":NAME"', 0, COLUMNS + "- :NAME\n", ours=LAYOUT),
    Case("49", VIEW, COLUMNS, 'ins :default "NAME"', 0, COLUMNS + "- NAME\n", ours=LAYOUT),
    Case("49", VIEW, COLUMNS, 'set :default [":USER", ":ID"]', 0, ":default:\n  - :USER\n  - :ID\n"),
]

SHELL_CASES = [
    Case("50", KVMRC, SHELL, "set SHUTDOWN_TIMEOUT 300", 0, SHELL.replace("180", "300")),
    Case("50", KVMRC, SHELL, 'set LANG "de"', 0, SHELL.replace("LANG=C", "LANG=de")),
    Case("50", KVMRC, SHELL, 'ins LANG "de"', 0, SHELL.replace("LANG=C", "LANG=de"),
         ours="6.0 forgets the export, which nobody asked for"),
    Case("51", KVMRC, SHELL, 'ins NEWV "x y"', 255, says="not a single word"),
    Case("51", KVMRC, SHELL, r'ins NEWV "\"x y\""', 0, SHELL + 'NEWV="x y"\n'),
    Case("51", KVMRC, SHELL, "ins NEWV null", 0, SHELL + "NEWV=\n"),
    *each("51", KVMRC, SHELL, 255, "set X null", "set X false", says="No changes applied"),
    Case("52", KVMRC, SHELL, "rm FOO", 0, SHELL.replace("export FOO BAR", "export BAR")),
    Case("52", KVMRC, SHELL, "rm DUP", 0, SHELL.replace("DUP=1\nDUP=2\n", "")),
    Case("52", KVMRC, SHELL, "ins IO 1", 0, SHELL + "IO=1\n"),
    Case("53", PLAIN, TEXT, f'set / "{DIFF}"', 0, TEXT.replace("1", "2")),
    Case("53", PLAIN, TEXT, f'ins / "{DIFF}"', 255),
]  # fmt: skip

TRAPS = [
    *each("a key of many sections", ONED, MADS, 255, "set VM_MAD/ARGUMENTS 1", says='Write its name, quoted',
          ours="6.0 changes the first section and deletes the key from all others"),
    *each("a key in lower case", ONED, BASE, 255, "set port 1", "set DB/backend 1", says="upper case",
          ours="6.0 adds a second key, which becomes a duplicate at the next load"),
    *each("an array of the shell", KVMRC, "ARR=(a b)\n", 255, "set ARR 1", says="array",
          ours="6.0 reports success and does nothing"),
    *each("a path in a shell file", KVMRC, SHELL, 255, "set A/B 1", says="Write B",
          ours="6.0 drops all of the path but its last element"),
]  # fmt: skip

NAMED_SECTION = """---
patches:
  /etc/one/oned.conf:
    class: Augeas::ONE
    change:
    - {path: [VM_MAD, '"vcenter"'], key: , state: rm}
"""


CASES = [*ONED_CASES, *YAML_CASES, *SHELL_CASES, *TRAPS]


@pytest.fixture
def onecfg(
    locations: Locations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run ``onecfg patch`` below the prefix: exit code and messages. Backups go to ``kept`` below it."""
    monkeypatch.setenv("ONECFG_BACKUP_DIR", str(tmp_path / "kept"))

    def run(patch: str, *options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(patch.encode())))
        with pytest.raises(SystemExit) as caught:
            cli.main(["patch", "-d", *options, "--prefix", str(locations.root)])
        assert isinstance(caught.value.code, int)
        out, err = capsys.readouterr()
        assert out == ""
        return caught.value.code, err

    return run


Run = Callable[..., tuple[int, str]]


def lines(case: Case) -> str:
    return "".join(
        line if not line.strip() or line.startswith(("/", "#")) else f"{case.file} {line}"
        for line in case.patch.splitlines(keepends=True)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_a_case(case: Case, onecfg: Run, put: Put) -> None:
    file = put(case.file, case.before)
    file.chmod(0o604)
    os.chown(file, 4321, 1234)
    code, messages = onecfg(lines(case), *case.options)
    assert (code, file.read_bytes().decode()) == (case.code, case.before if case.after is None else case.after)
    assert case.says in messages
    status = file.stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o604, 4321, 1234)
    assert sorted(path.name for path in file.parent.iterdir() if path.is_file()) == [file.name]


@pytest.mark.parametrize("number", ["14", "16", "17", "18", "25", "43"])
def test_a_patch_that_is_refused_leaves_no_backup(number: str, onecfg: Run, put: Put, tmp_path: Path) -> None:
    for case in CASES:
        if case.number == number:
            put(case.file, case.before)
            assert onecfg(lines(case))[0] == 255
    assert not (tmp_path / "kept").exists()


def test_32_a_named_section_is_removed_by_the_yaml_format(onecfg: Run, put: Put) -> None:
    file = put(ONED, MADS)
    assert onecfg(NAMED_SECTION)[0] == 0
    assert file.read_text() == MADS[: MADS.rindex("VM_MAD")]


def test_33_a_name_with_a_slash_is_reached_by_the_yaml_format(onecfg: Run, put: Put) -> None:
    file = put(ONED, MADS.replace("kvm", "k/v"))
    patch = NAMED_SECTION.replace("vcenter", "k/v").replace("key: ,", "key: ARGUMENTS,")
    assert onecfg(patch, "--format", "yaml")[0] == 0
    assert file.read_text() == MADS.replace("kvm", "k/v").replace(',\n    ARGUMENTS = "-t 15"', "")


def test_54_a_fault_in_the_second_file_leaves_the_first(onecfg: Run, put: Put) -> None:
    first, second = put(ONED, BASE), put(FLOW, YAML)
    assert onecfg(f"{ONED} set PORT 1\n{FLOW} ins :nope/:z 5\n")[0] == 255
    assert (first.read_text(), second.read_text()) == (BASE, YAML)


def test_55_noop_answers_as_the_real_run_and_changes_nothing(onecfg: Run, put: Put, tmp_path: Path) -> None:
    file = put(ONED, BASE)
    code, messages = onecfg(f"{ONED} set PORT 1\n{ONED} rm NOPE\n", "--noop")
    assert code == 1
    assert messages.endswith("INFO : Applied 1/2 changes\nINFO : Changes ARE NOT saved in no-op mode!\n")
    assert file.read_text() == BASE
    assert len(list((tmp_path / "kept").glob("*/etc/one/oned.conf"))) == 1


def test_56_a_symbolic_link_among_the_files(onecfg: Run, put: Put, locations: Locations, tmp_path: Path) -> None:
    put(ONED, BASE)
    (locations.etc / "cli").mkdir()
    (locations.etc / "cli/x").symlink_to("../oned.conf")
    code, messages = onecfg(f"{ONED} set PORT 2")
    assert code == 255
    assert "is a symbolic link" in messages
    assert not (tmp_path / "kept").exists()


def test_56_hidden_links_and_links_of_the_installation_are_no_reason(
    onecfg: Run, put: Put, locations: Locations
) -> None:
    put(ONED, BASE)
    (locations.etc / ".hidden").symlink_to("oned.conf")
    locations.under("/run/remotes").mkdir(parents=True)
    locations.under("/var/lib/one/remotes/etc").rmdir()
    locations.under("/var/lib/one/remotes/etc").symlink_to("../../../../run/remotes")
    assert onecfg(f"{ONED} set PORT 1")[0] == 0


def test_57_without_the_drivers_folder_a_patch_of_other_files_is_made(
    onecfg: Run, put: Put, locations: Locations
) -> None:
    """6.0 backs both folders up as a whole and so needs both; a user who names only /etc/one means only that."""
    file = put(ONED, BASE)
    locations.under("/var/lib/one/remotes/etc").rmdir()
    locations.under("/var/lib/one/remotes").rmdir()
    assert onecfg(f"{ONED} set PORT 1")[0] == 0
    assert file.read_text() == BASE.replace("2633", "1")
    code, messages = onecfg(f"{ONED} set PORT 2\n{KVMRC} set A 1")
    assert code == 255
    assert f"Unknown or missing file to patch '{KVMRC}'" in messages
    assert file.read_text() == BASE.replace("2633", "1")


# The examples of the specification above its Table 1.9 and below its Table 1.7.
SEVEN = r"""
/etc/one/oned.conf set PORT 2633
/etc/one/oned.conf set LISTEN_ADDRESS "\"127.0.0.1\""
/etc/one/oned.conf set DB/BACKEND "\"mysql\""
/etc/one/oned.conf ins DB/SERVER "\"localhost\""
/etc/one/oned.conf ins DB/USER "\"oneadmin\""
/etc/one/oned.conf ins DB/PASSWD "\"secret_password\""
/etc/one/oned.conf ins DB/NAME "\"opennebula\""
"""
NINE = r"""
/etc/one/cli/oneimage.yaml ins :ID/:adjust false
/etc/one/cli/oneimage.yaml set :USER/:size 15
/etc/one/cli/oneimage.yaml set :GROUP/:size 15
/etc/one/cli/oneimage.yaml ins :NAME/:expand false
/etc/one/oned.conf set DEFAULT_DEVICE_PREFIX "\"sd\""
/etc/one/oned.conf set VM_MAD/"vcenter"/ARGUMENTS "\"-p -t 15 -r 0 -s sh vcenter\""
/etc/one/oned.conf rm VM_MAD/"vcenter"/DEFAULT
/etc/one/oned.conf ins HM_MAD/ARGUMENTS "\"-p 2101 -l 2102 -b 127.0.0.1\""
/etc/one/oned.conf ins VM_RESTRICTED_ATTR "\"NIC/FILTER\""
"""


def test_58_the_examples_of_the_specification_on_the_shipped_files(onecfg: Run, locations: Locations) -> None:
    defaults.install(locations.root)
    code, messages = onecfg(SEVEN)
    assert (code, messages.splitlines()[-1]) == (0, "INFO : Applied 7/7 changes")
    code, messages = onecfg(NINE)
    assert (code, messages.splitlines()[-1]) == (1, "INFO : Applied 6/9 changes")
    code, messages = onecfg(SEVEN + NINE, "--idempotent")
    assert (code, messages.splitlines()[-1]) == (0, "INFO : Applied 16/16 changes")


def test_every_number_is_here() -> None:
    own = {name.split("_")[1] for name in globals() if name.startswith("test_") and name.split("_")[1].isdigit()}
    assert {case.number for case in CASES if case.number.isdigit()} | own == {str(n) for n in range(1, 59)}
