"""The driver names of 6.0: which folder of edge/ does the work, and what is said of one that is not there."""

import asyncio
import re
from importlib import import_module
from pathlib import Path

import pytest

from onelib.driver import Driver, DriverError, DriverSettings

PAGE = Path(__file__).resolve().parents[3] / "docs/drivers.md"
DATASTORE = "<DS_DRIVER_ACTION_DATA><DATASTORE><ID>1</ID><TYPE>{}</TYPE><DS_MAD>{}</DS_MAD><TM_MAD>{}</TM_MAD>{}"
END = "</DATASTORE></DS_DRIVER_ACTION_DATA>"


def made(
    program: str, kind: str, arguments: str = "", folder: Path = Path("/var/lib/one"), **attributes: str
) -> Driver:
    settings = DriverSettings(kind, "", "", tuple(arguments.split()), attributes, folder)
    driver: Driver = import_module(f"edge.programs.{program}").Driver(settings)
    return driver


def ask(driver: Driver, action: str, message: str, oid: int = 7) -> str:
    return asyncio.run(driver.call(action, oid, message, "1"))


def datastore(kind: int, ds_mad: str, tm_mad: str = "") -> str:
    return DATASTORE.format(kind, ds_mad, tm_mad, END)


@pytest.mark.parametrize("program", ["one_vmm_exec", "one_vmm_sh", "one_vmm_dummy"])
def test_hypervisors(program: str) -> None:
    assert ask(made(program, "vmm", "-t 15 -r 0 dummy"), "DEPLOY", "<A/>") == "one-7"


@pytest.mark.parametrize("arguments", ["-t 15 -r 0 kvm", "", "../dummy", "programs"])
def test_a_hypervisor_that_is_not_there(arguments: str) -> None:
    with pytest.raises(DriverError, match="is not part of this installation"):
        ask(made("one_vmm_exec", "vmm", arguments), "DEPLOY", "<A/>")


@pytest.mark.parametrize("program", ["one_im_sh", "one_im_ssh"])
def test_monitoring(program: str) -> None:
    answer = ask(
        made(program, "im", "-r 3 -t 15 -w 90 dummy"), "START_MONITOR", "<A><HOST><NAME>h</NAME></HOST></A>"
    )
    assert answer.startswith("<MONITOR_MESSAGES>")


def test_the_lines_of_a_transfer_go_to_their_drivers() -> None:
    driver = made("one_tm", "tm", "-t 15 -d dummy,ssh")
    lines = "# prolog\nCLONE dummy a:b c:d 7 1\nMKSWAP dummy 10 c:e 7 0"
    assert ask(driver, "TRANSFER", lines) == ""
    assert ask(driver, "TRANSFER", f"<A><COMMANDS>{lines}</COMMANDS></A>") == ""
    assert ask(driver, "TRANSFER", "<A><COMMANDS/></A>") == ""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("LN ssh a:b c:d 7 1", "Transfer Driver 'ssh' not available"),
        ("LN lvm a:b c:d 7 1", "Transfer Driver 'lvm' not available"),
        ("LN", "names no driver"),
        ("MV dummy a b 7 1\nFLY dummy", "'fly' does not exist"),
        ("<A", "Cannot decode driver message"),
    ],
)
def test_transfers_that_fail(lines: str, message: str) -> None:
    with pytest.raises(DriverError, match=message):
        ask(made("one_tm", "tm", "-d dummy,ssh"), "TRANSFER", lines)


def test_what_a_machine_asks_for_reaches_the_driver() -> None:
    message = "<A><COMMANDS>MV dummy a b 7 1</COMMANDS><VM><T><DUMMY><FAIL>mv</FAIL></DUMMY></T></VM></A>"
    with pytest.raises(DriverError, match="mv fails"):
        ask(made("one_tm", "tm"), "TRANSFER", message)


def test_datastores() -> None:
    driver = made("one_datastore", "datastore", "-t 15 -d dummy,fs -s dummy,ssh")
    assert ask(driver, "CP", datastore(0, "dummy")).endswith("/datastores/1/dummy-7 raw")
    assert "TOTAL_MB" in ask(driver, "MONITOR", datastore(0, "dummy"))
    assert "TOTAL_MB" in ask(driver, "MONITOR", datastore(1, "", "dummy"))
    for message, error in (
        (datastore(0, "fs"), "Datastore driver 'fs' not available"),
        (datastore(1, "", "ssh"), "System datastore driver 'ssh' not available"),
        (datastore(1, "", "ceph"), "System datastore driver 'ceph' not available"),
        (datastore(0, ""), "Datastore driver '' not available"),
    ):
        with pytest.raises(DriverError, match=error):
            ask(driver, "MONITOR", message)


def test_marketplaces_and_addresses_and_logins(tmp_path: Path) -> None:
    market = made("one_market", "market", "-m dummy,http")
    named = "<A><MARKETPLACE><ID>1</ID><MARKET_MAD>{}</MARKET_MAD></MARKETPLACE></A>"
    assert "TOTAL_MB" in ask(market, "MONITOR", named.format("dummy"))
    with pytest.raises(DriverError, match="Marketplace driver 'http' not available"):
        ask(market, "MONITOR", named.format("http"))
    ipam = made("one_ipam", "ipam", "-t 1 -i dummy,aws", tmp_path)
    assert ask(ipam, "REGISTER_ADDRESS_RANGE", "<A><AR><IPAM_MAD>dummy</IPAM_MAD></AR></A>").startswith("AR=")
    with pytest.raises(DriverError, match="IPAM driver 'aws' not available"):
        ask(ipam, "GET_ADDRESS", "<A><AR><IPAM_MAD>aws</IPAM_MAD></AR></A>")
    login = made("one_auth_mad", "auth", AUTHN="ssh,ldap")
    with pytest.raises(DriverError, match="Authentication driver 'dummy' not available"):
        ask(login, "AUTHENTICATE", "5 dummy jo - secret")
    assert ask(made("one_auth_mad", "auth", AUTHN="dummy"), "AUTHENTICATE", "5 dummy jo - x") == "dummy jo x"


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def test_the_authentication_script_of_the_page(tmp_path: Path) -> None:
    (text,) = re.findall(r"```shell\n(.*?)```", PAGE.read_text(), re.DOTALL)
    write_script(tmp_path / "remotes/auth/mine/authenticate", text)
    login = made("one_auth_mad", "auth", folder=tmp_path, AUTHN="mine,../mine")
    assert ask(login, "AUTHENTICATE", "5 mine jo stored open-sesame") == ""
    with pytest.raises(DriverError, match=r"^no such secret$"):
        ask(login, "AUTHENTICATE", "5 mine jo stored other")
    with pytest.raises(DriverError, match="not available"):
        ask(login, "AUTHENTICATE", "5 ../mine jo stored open-sesame")


def test_scripts_of_addresses(tmp_path: Path) -> None:
    write_script(tmp_path / "remotes/ipam/mine/get_address", '#!/bin/sh\necho "$1 $(base64 -d)"\n')
    write_script(tmp_path / "remotes/ipam/mine/free_address", "#!/bin/sh\nexit 3\n")
    ipam = made("one_ipam", "ipam", "-i mine", tmp_path)
    message = "<A><AR><IPAM_MAD>mine</IPAM_MAD></AR></A>"
    assert ask(ipam, "GET_ADDRESS", message) == f"1 {message}"
    with pytest.raises(DriverError, match="failed with exit code 3"):
        ask(ipam, "FREE_ADDRESS", message)
    with pytest.raises(DriverError, match="cannot be run: No such file"):
        ask(ipam, "ALLOCATE_ADDRESS", message)


def test_a_script_that_nobody_waits_for_ends(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    text = f"#!/bin/sh\necho $$ > {noted}.new\nmv {noted}.new {noted}\nsleep 60\n"
    write_script(tmp_path / "remotes/ipam/mine/get_address", text)
    ipam = made("one_ipam", "ipam", "-i mine", tmp_path)

    async def run() -> None:
        work = asyncio.create_task(ipam.call("GET_ADDRESS", 7, "<A><AR><IPAM_MAD>mine</IPAM_MAD></AR></A>", "1"))
        async with asyncio.timeout(10):
            while not noted.exists():
                await asyncio.sleep(0.01)
        work.cancel()
        await asyncio.wait({work})
        assert work.cancelled()

    asyncio.run(run())
    assert not Path(f"/proc/{noted.read_text().strip()}").exists()
