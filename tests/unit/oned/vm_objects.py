"""Virtual machines for tests, as the database has them."""

from typing import Any

from oned.model.history import History
from oned.model.vm import Vm
from oned.model.vm_states import LcmState, VmState
from onelib.template import Template


def machine(*, template: str = "", user: str = "", **more: Any) -> Vm:  # noqa: ANN401 (fields of many types)
    """A pending machine of the user 2."""
    fields: dict[str, Any] = {
        "oid": 7,
        "uid": 2,
        "gid": 1,
        "uname": "joe",
        "gname": "users",
        "name": "web",
        "bits": [1, 1, 0, 0, 0, 0, 0, 0, 0],
        "lock": None,
        "template": Template.parse(template),
        "state": VmState.PENDING,
        "lcm_state": LcmState.LCM_INIT,
        "prev_state": VmState.PENDING,
        "prev_lcm_state": LcmState.LCM_INIT,
        "resched": 0,
        "stime": 100,
        "etime": 0,
        "last_poll": 0,
        "deploy_id": "",
        "monitoring": Template(),
        "user_template": Template.parse(user),
        "history": [],
        "snapshots": {},
    }
    return Vm(**(fields | more))


def record(seq: int = 0, **more: Any) -> History:  # noqa: ANN401 (fields of many types)
    """A stay of that machine on the host ``h1``."""
    fields: dict[str, Any] = {
        "oid": 7,
        "seq": seq,
        "hostname": "h1",
        "hid": 3,
        "cid": 0,
        "vm_mad": "kvm",
        "tm_mad": "ssh",
        "ds_id": 0,
    }
    return History(**(fields | more))
