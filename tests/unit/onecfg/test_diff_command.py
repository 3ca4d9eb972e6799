"""``onecfg diff``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from onecfg import defaults
from onecfg.notation import descriptor
from onelib.locations import Locations

Put = Callable[[str, str | bytes], Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def changed(locations: Locations, put: Put) -> Locations:
    """A tree that differs from the shipped one in every family."""
    defaults.install(locations.root)
    for file, old, new in (
        ("oned.conf", "= 2633", "= 2700"),
        ("oned.conf", 'VM_RESTRICTED_ATTR = "NIC/MAC"\n', ""),
        ("sunstone-server.conf", ":port: 9869", ":port: 9870"),
    ):
        path = locations.etc / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    with (locations.etc / "tmrc").open("a") as stream:
        stream.write("export SECRET='a b'\n")
    return locations


def test_no_difference_is_an_empty_line(run: Run, locations: Locations) -> None:
    defaults.install(locations.root)
    for form in ("text", "line", "yaml"):
        assert run("diff", "--format", form) == (0, "\n", "")
    assert json.loads(run("diff", "--json")[1]) == {"files": [], "problems": []}


def test_a_text_for_people_names_every_change_below_its_file(run: Run, changed: Locations) -> None:
    code, out, err = run("diff")
    assert (code, err) == (0, "")
    assert out == (
        "/etc/one/oned.conf\n"
        '- set PORT "2700"\n'
        '- rm  VM_RESTRICTED_ATTR "\\"NIC/MAC\\""\n'
        "\n"
        "/etc/one/tmrc\n"
        "- ins SECRET \"'a b'\" (export)\n"
        "\n"
        "/etc/one/sunstone-server.conf\n"
        "- set :port 9870\n"
    )


def test_lines_are_a_patch_and_what_has_no_line_is_a_warning(run: Run, changed: Locations, tmp_path: Path) -> None:
    code, out, err = run("diff", "--format", "line")
    assert code == 0
    assert out.splitlines() == [
        '/etc/one/oned.conf set PORT "2700"',
        '/etc/one/oned.conf rm  VM_RESTRICTED_ATTR "\\"NIC/MAC\\""',
        "/etc/one/sunstone-server.conf set :port 9870",
    ]
    assert err == (
        "WARN : Not in the line format: /etc/one/tmrc ins SECRET - it exports a variable, or no longer does."
        " Use --format yaml.\n"
    )
    other = tmp_path / "other"
    defaults.install(other)
    (tmp_path / "patch").write_text(out)
    assert run("patch", "--prefix", str(other), str(tmp_path / "patch"))[0] == 0
    assert (other / "etc/one/oned.conf").read_bytes() == (changed.etc / "oned.conf").read_bytes()


def test_yaml_is_a_patch_that_says_everything(run: Run, changed: Locations, tmp_path: Path) -> None:
    code, out, err = run("diff", "--format", "yaml")
    assert (code, err) == (0, "")
    assert out.startswith("---\npatches:\n  /etc/one/oned.conf:\n")
    other = tmp_path / "other"
    defaults.install(other)
    (tmp_path / "patch").write_text(out)
    assert run("patch", "--prefix", str(other), str(tmp_path / "patch"))[0] == 0
    assert run("diff", "--prefix", str(other), "--from", str(changed.root)) == (0, "\n", "")
    assert (other / "etc/one/tmrc").read_bytes() == (changed.etc / "tmrc").read_bytes()


def test_json_tells_of_each_change_whether_it_has_a_line(run: Run, changed: Locations) -> None:
    found = json.loads(run("diff", "--json")[1])
    assert [one["file"] for one in found["files"]] == [
        "/etc/one/oned.conf",
        "/etc/one/tmrc",
        "/etc/one/sunstone-server.conf",
    ]
    assert found["files"][1]["changes"] == [
        {
            "command": "ins",
            "path": ["SECRET"],
            "value": "'a b'",
            "whole": False,
            "multiple": False,
            "export": True,
            "index": None,
            "line": None,
            "reason": "it exports a variable, or no longer does",
        }
    ]
    port = found["files"][2]["changes"][0]
    assert (port["path"], port["value"], port["old"]) == ([":port"], 9870, 9869)
    assert port["line"] == "/etc/one/sunstone-server.conf set :port 9870"


def test_json_holds_what_json_has_no_types_for(run: Run, put: Put, tmp_path: Path) -> None:
    put("/etc/one/cli/onevm.yaml", ":a: [.inf, 2026-01-01, {1: ':x'}, :s]\n".replace(":s]", "'s']"))
    put("/etc/one/az_driver.default", b"\xff\n")
    other = tmp_path / "other"
    (other / "etc/one/cli").mkdir(parents=True)
    (other / "etc/one/cli/onevm.yaml").write_text("b: 1\n")
    found = json.loads(run("diff", "--from", str(other), "--json")[1])
    values = {change["path"][0]: change["value"] for change in found["files"][0]["changes"] if "path" in change}
    assert values[":a"] == ["inf", "2026-01-01", {"1": ":x"}, "s"]
    assert found["files"][1]["changes"][0]["content"] == "\\xff\n"


def test_a_missing_file_is_a_deletion_only_from_another_tree(run: Run, put: Put, tmp_path: Path) -> None:
    put("/etc/one/oned.conf", (defaults.TREE / "etc/one/oned.conf").read_bytes())
    put("/etc/one/az_driver.default", "x\n")
    assert run("diff")[1] == "/etc/one/az_driver.default\n- create\n"
    other = tmp_path / "other"
    defaults.install(other)
    code, out, _ = run("diff", "--from", str(other))
    assert code == 0
    assert "/etc/one/tmrc\n- delete\n" in out
    assert "/etc/one/oned.conf\n" not in out


def test_a_file_that_cannot_be_compared_is_an_error_and_the_others_are_printed(
    run: Run, changed: Locations, put: Put
) -> None:
    path = put("/etc/one/oned.conf", "PORT = two words\n")
    code, out, err = run("diff", "--format", "line")
    assert code == 255
    assert out == "/etc/one/sunstone-server.conf set :port 9870\n"
    assert f"ERROR: Unable to process file '/etc/one/oned.conf' - '{path}' line 1, column 11: " in err
    assert "two" not in err
    problems = json.loads(run("diff", "--json")[1])["problems"]
    assert [problem["file"] for problem in problems] == ["/etc/one/oned.conf"]


def test_what_the_yaml_format_cannot_hold_is_an_error_of_its_file(run: Run, changed: Locations, put: Put) -> None:
    put("/etc/one/cli/onevm.yaml", "a: !ruby/regexp /x/\n")
    put("/etc/one/az_driver.default", "x\n\n\n")
    code, out, err = run("diff", "--format", "yaml")
    assert code == 255
    assert "/etc/one/oned.conf" in out
    assert "onevm.yaml" not in out
    assert err.startswith("ERROR: Unable to process file '/etc/one/cli/onevm.yaml' - ")
    contents = [change.content for change in descriptor.parse(out) if change.content]
    assert [content.data for content in contents] == [b"x\n\n\n"]


def test_paths_with_quotes_and_positions_in_lists_are_shown(run: Run, put: Put, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "etc/one/cli").mkdir(parents=True)
    (other / "etc/one/cli/onevm.yaml").write_text("list: [a, b]\n")
    (other / "etc/one/oned.conf").write_text('VM_MAD = [ NAME = "a b", X = 1 ]\nVM_MAD = [ NAME = "c" ]\n')
    put("/etc/one/cli/onevm.yaml", "list: [x, a, b]\n")
    put("/etc/one/oned.conf", 'VM_MAD = [ NAME = "a b", X = 2 ]\n')
    code, out, _ = run("diff", "--from", str(other))
    assert code == 0
    assert out == (
        "/etc/one/oned.conf\n"
        '- set "VM_MAD/\\"a b\\"/X" "2"\n'
        '- rm  "VM_MAD/\\"c\\""\n'
        "\n"
        "/etc/one/cli/onevm.yaml\n"
        '- ins list "x" (at 0)\n'
    )


def test_what_is_asked_wrongly_ends_with_255(run: Run, changed: Locations, tmp_path: Path) -> None:
    assert run("diff", "--format", "xml") == (
        255,
        "",
        "Unsupported format 'xml'. Available formats - text, line, yaml\n",
    )
    for option in ("--prefix", "--from"):
        code, out, err = run("diff", option, str(tmp_path / "nowhere"))
        assert (code, out) == (255, "")
        assert err.startswith("FATAL: FAILED - There is no configuration below")
    code, out, _ = run("diff", "--from", str(tmp_path / "nowhere"), "--json")
    assert (code, list(json.loads(out))) == (255, ["error"])
