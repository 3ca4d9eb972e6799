"""``onecfg validate``."""

import json
from collections.abc import Callable
from pathlib import Path

from onecfg import defaults
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Run = Callable[..., tuple[int, str, str]]


def test_every_default_is_good(run: Run, locations: Locations) -> None:
    defaults.install(locations.root)
    code, out, err = run("validate", "--json", "-d")
    assert code == 0
    checked = json.loads(out)
    assert len(checked) > 40
    assert all(one["good"] for one in checked)
    assert f"INFO : File '{locations.etc}/oned.conf' - OK" in err


def test_a_bad_file_ends_with_1_and_says_where(run: Run, put: Put) -> None:
    put("/etc/one/oned.conf", "PORT = 1\nDB = [ A = 1\n")
    put("/etc/one/sched.conf", "A = 1\n")
    put("/etc/one/oneflow-server.conf", ":a: [\n")
    put("/etc/one/foreign", "\0")
    code, out, err = run("validate")
    assert (code, out) == (1, "")
    assert "ERROR: Unable to process file '/etc/one/oned.conf' - line 3, column 1: " in err
    assert "ERROR: Unable to process file '/etc/one/oneflow-server.conf' - line 2, column 1: " in err
    assert "sched.conf" not in err
    assert "foreign" not in err


def test_nothing_to_check_is_an_error(run: Run, tmp_path: Path) -> None:
    code, _, err = run("validate", "--prefix", str(tmp_path / "nowhere"))
    assert code == 255
    assert "There is no" in err
