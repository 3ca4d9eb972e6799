from pathlib import Path

import pytest

from bootstrap import documentation
from bootstrap.settings import PARAMETERS

ROOT = Path(__file__).resolve().parents[3]
TABLE_1_3 = {
    "MAINTENANCE_MODE",
    "OPENNEBULA_FRONTEND_SERVICE",
    "OPENNEBULA_FRONTEND_HOST",
    "OPENNEBULA_FRONTEND_SSH_HOST",
    "OPENNEBULA_FRONTEND_PREHOOK",
    "OPENNEBULA_FRONTEND_POSTHOOK",
    "ONED_HOST",
    "ONEFLOW_HOST",
    "ONEGATE_HOST",
    "ONEGATE_PORT",
    "MEMCACHED_HOST",
    "GUACD_HOST",
    "SUNSTONE_HTTPS_ENABLED",
    "SUNSTONE_PORT",
    "SUNSTONE_TLS_PORT",
    "SUNSTONE_VNC_PORT",
    "FIREEDGE_HOST",
    "ONEPROVISION_HOST",
    "TLS_PROXY_ENABLED",
    "TLS_DOMAIN_LIST",
    "TLS_VALID_DAYS",
    "TLS_KEY_BASE64",
    "TLS_CERT_BASE64",
    "TLS_KEY",
    "TLS_CERT",
    "ONEADMIN_PASSWORD",
    "ONEADMIN_SSH_PRIVKEY_BASE64",
    "ONEADMIN_SSH_PUBKEY_BASE64",
    "ONEADMIN_SSH_PRIVKEY",
    "ONEADMIN_SSH_PUBKEY",
    "DIND_ENABLED",
    "DIND_TCP_ENABLED",
    "DIND_HOST",
    "DIND_SOCKET",
    "MYSQL_HOST",
    "MYSQL_PORT",
    "MYSQL_DATABASE",
    "MYSQL_USER",
    "MYSQL_PASSWORD",
    "MYSQL_ROOT_PASSWORD",
}
OTHERS = {"1.4": ["ONED_DB_BACKUP_ENABLED"], "1.8": ["OPENNEBULA_FRONTEND_ONECFG_PATCH"]}


def test_every_parameter_of_the_report_is_there_and_in_its_table() -> None:
    by_table: dict[str, set[str]] = {}
    for parameter in PARAMETERS:
        by_table.setdefault(parameter.table, set()).add(parameter.name)
    assert by_table["1.3"] == TABLE_1_3
    assert {table: sorted(by_table[table]) for table in OTHERS} == OTHERS


def test_names_are_unique() -> None:
    names = [name for parameter in PARAMETERS for name in parameter.variables]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("path", "form"), [("README.md", "markdown"), ("bootstrap/parameters.txt", "names")])
def test_what_is_generated_has_not_drifted(path: str, form: str) -> None:
    assert documentation.RENDERERS[form]() in (ROOT / path).read_text(), (
        f"{path} is out of date: oneedge parameters --format {form}"
    )


def test_no_secret_has_a_default() -> None:
    assert [parameter.name for parameter in PARAMETERS if parameter.secret and parameter.default] == []
