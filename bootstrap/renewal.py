"""Renewal of the self-signed certificate while the front-end runs."""

import os
import subprocess
import sys

from bootstrap import boot
from bootstrap.steps import tls
from onelib import services
from onelib.locations import Locations

SERVING = ("stunnel", "opennebula-httpd", "opennebula-novnc")


def renew() -> bool:
    """Put a new certificate in place if the kept one is due, restart what serves it, and say whether it was.

    The request of the kept certificate is repeated, because the boot's parameters are not in the environment here.
    """
    at = Locations.from_environment()
    folder = at.srv / "secret-tls"
    request = tls.Request.kept(folder)
    if request is None:
        return False
    action = tls.Certificate(folder, request, None, tls.owner_of(folder))
    if not action.needed():
        return False
    action.apply()
    boot.log("the certificate was renewed")
    table = services.read_table(str(at.run))
    names = [name for name in SERVING if name in table["services"]]
    control = [sys.executable, "-I", "-m", "supervisor.supervisorctl", "-c", str(at.run / "supervisord.conf")]
    subprocess.run([*control, "restart", *names], check=True, env=boot.clean_environment(os.environ))
    return True
