"""What holds for each attribute that ``oned.conf`` leaves out.

``one.system.config`` shows these with the file's own. Source: OpenNebula 6.0, its table of defaults; where this server
acts on another value, that one (``API_LIST_ORDER``, ``DEFAULT_DEVICE_PREFIX``, ``HOOK_LOG_CONF``, ``LOG_CALL_FORMAT``,
``MESSAGE_SIZE``, ``SESSION_EXPIRATION_TIME``).
"""

from collections.abc import Iterator
from pathlib import Path

from onelib.template import Template, Value

MESSAGE_BYTES = 64 * 2**20
SESSION_SECONDS = 900
LIST_ORDER = "ASC"
CALL_FORMAT = "Req:%i UID:%u IP:%A %m invoked %l20"
HOOK_LOG_RECORDS = 20
DISK_PREFIX, CDROM_PREFIX = "sd", "hd"
ADMIN_OPERATIONS = "migrate, delete, recover, retry, deploy, resched"
MANAGE_OPERATIONS = (
    "undeploy, hold, release, stop, suspend, resume, reboot, poweroff, disk-attach, nic-attach, disk-snapshot, "
    "terminate, disk-resize, snapshot, updateconf, rename, resize, update, disk-saveas"
)

_ATTRIBUTES: dict[str, Value] = {
    "API_LIST_ORDER": LIST_ORDER,
    "DATASTORE_CAPACITY_CHECK": "YES",
    "DB": {"BACKEND": "sqlite", "TIMEOUT": "2500"},
    "DEFAULT_AUTH": "default",
    "DEFAULT_CDROM_DEVICE_PREFIX": CDROM_PREFIX,
    "DEFAULT_COST": {"CPU_COST": "0", "DISK_COST": "0", "MEMORY_COST": "0"},
    "DEFAULT_DEVICE_PREFIX": DISK_PREFIX,
    "DEFAULT_IMAGE_PERSISTENT": "",
    "DEFAULT_IMAGE_PERSISTENT_NEW": "",
    "DEFAULT_IMAGE_TYPE": "OS",
    "DEFAULT_UMASK": "177",
    "DS_MONITOR_VM_DISK": "10",
    "ENABLE_OTHER_PERMISSIONS": "YES",
    "FEDERATION": {"MASTER_ONED": "", "MODE": "STANDALONE", "SERVER_ID": "-1", "ZONE_ID": "0"},
    "HOOK_LOG_CONF": {"LOG_RETENTION": str(HOOK_LOG_RECORDS)},
    "HOST_ENCRYPTED_ATTR": "EC2_ACCESS",  # upstream means to add others, and drops all but the first
    "KEEPALIVE_MAX_CONN": "30",
    "KEEPALIVE_TIMEOUT": "15",
    "LISTEN_ADDRESS": "0.0.0.0",
    "LOG": {"DEBUG_LEVEL": "3", "SYSTEM": "file"},
    "LOG_CALL_FORMAT": CALL_FORMAT,
    "MAC_PREFIX": "02:00",
    "MANAGER_TIMER": "15",
    "MAX_CONN": "15",
    "MAX_CONN_BACKLOG": "15",
    "MESSAGE_SIZE": str(MESSAGE_BYTES),
    "MONITORING_INTERVAL_DATASTORE": "300",
    "MONITORING_INTERVAL_DB_UPDATE": "0",
    "MONITORING_INTERVAL_MARKET": "600",
    "NETWORK_SIZE": "254",
    "PCI_PASSTHROUGH_BUS": "0x01",
    "PORT": "2633",
    "RAFT": {
        "BROADCAST_TIMEOUT_MS": "500",
        "ELECTION_TIMEOUT_MS": "1500",
        "LIMIT_PURGE": "100000",
        "LOG_PURGE_TIMEOUT": "600",
        "LOG_RETENTION": "500000",
        "XMLRPC_TIMEOUT_MS": "100",
    },
    "RPC_LOG": "NO",
    "SCRIPTS_REMOTE_DIR": "/var/tmp/one",  # noqa: S108  (a folder of the hosts, not one of this machine)
    "SESSION_EXPIRATION_TIME": str(SESSION_SECONDS),
    "SHOWBACK_ONLY_RUNNING": "NO",
    "TIMEOUT": "15",
    "VLAN_IDS": {"RESERVED": "0, 1, 4095", "START": "2"},
    "VM_ADMIN_OPERATIONS": ADMIN_OPERATIONS,
    "VM_MANAGE_OPERATIONS": MANAGE_OPERATIONS,
    "VM_MONITORING_EXPIRATION_TIME": "14400",
    "VM_SUBMIT_ON_HOLD": "NO",
    "VM_USE_OPERATIONS": "",
    "VNC_PORTS": {"RESERVED": "", "START": "5900"},
    "VXLAN_IDS": {"START": "2"},
}

_CEPH = "DISK_TYPE,BRIDGE_LIST,CEPH_HOST,CEPH_USER,CEPH_SECRET"
_VCENTER = "VCENTER_INSTANCE_ID, VCENTER_DS_REF, VCENTER_DC_REF, VCENTER_HOST, VCENTER_USER, VCENTER_PASSWORD"
_DRIVERS: dict[str, tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {
    # section: (keys, the values for each driver)
    "AUTH_MAD_CONF": (
        ("NAME", "PASSWORD_CHANGE", "DRIVER_MANAGED_GROUPS", "DRIVER_MANAGED_GROUP_ADMIN", "MAX_TOKEN_TIME"),
        (
            ("core", "YES", "NO", "NO", "-1"),
            ("public", "NO", "NO", "NO", "-1"),
            ("ssh", "YES", "NO", "NO", "-1"),
            ("x509", "NO", "NO", "NO", "-1"),
            ("ldap", "YES", "YES", "YES", "86400"),
            ("server_cipher", "NO", "NO", "NO", "-1"),
            ("server_x509", "NO", "NO", "NO", "-1"),
        ),
    ),
    "DS_MAD_CONF": (
        ("NAME", "REQUIRED_ATTRS", "PERSISTENT_ONLY"),
        (
            ("dev", "DISK_TYPE", "YES"),
            ("iscsi_libvirt", "DISK_TYPE,ISCSI_HOST", "YES"),
            ("dummy", "", "NO"),
            ("fs", "", "NO"),
            ("lvm", "DISK_TYPE", "NO"),
            ("shared", "", "NO"),
            ("ssh", "", "NO"),
            ("vmfs", "BRIDGE_LIST", "NO"),
            ("vcenter", _VCENTER, "NO"),
            ("ceph", _CEPH, "NO"),
        ),
    ),
    "MARKET_MAD_CONF": (
        ("NAME", "REQUIRED_ATTRS"),
        (("one", ""), ("http", "BASE_URL,PUBLIC_DIR"), ("s3", "ACCESS_KEY_ID,SECRET_ACCESS_KEY,REGION,BUCKET")),
    ),
    "TM_MAD_CONF": (
        ("NAME", "LN_TARGET", "CLONE_TARGET", "SHARED", "DS_MIGRATE", "DRIVER"),
        (
            ("dummy", "NONE", "SYSTEM", "YES", "YES", ""),
            ("lvm", "NONE", "SELF", "YES", "NO", ""),
            ("shared", "NONE", "SYSTEM", "YES", "YES", ""),
            ("fs_lvm", "SYSTEM", "SYSTEM", "YES", "NO", "raw"),
            ("qcow2", "NONE", "SYSTEM", "YES", "NO", "qcow2"),
            ("ssh", "SYSTEM", "SYSTEM", "NO", "YES", ""),
            ("vmfs", "NONE", "SYSTEM", "YES", "NO", ""),
            ("ceph", "NONE", "SELF", "YES", "NO", "raw"),
            ("dev", "NONE", "NONE", "YES", "NO", ""),
        ),
    ),
    "VN_MAD_CONF": (
        ("NAME", "BRIDGE_TYPE"),
        (
            ("dummy", "linux"),
            ("802.1Q", "linux"),
            ("ebtables", "linux"),
            ("fw", "linux"),
            ("ovswitch", "openvswitch"),
            ("vxlan", "linux"),
            ("vcenter", "vcenter_port_groups"),
            ("ovswitch_vxlan", "openvswitch"),
            ("bridge", "linux"),
            ("elastic", "linux"),
            ("nodeport", "linux"),
        ),
    ),
}


def drivers(section: str) -> Iterator[dict[str, str]]:
    """What ``section`` (``TM_MAD_CONF`` and the like) says of each driver that ``oned.conf`` does not describe."""
    keys, rows = _DRIVERS[section]
    for values in rows:
        yield dict(zip(keys, values, strict=True))


def complete(conf: Template, var: Path) -> Template:
    """``conf`` with everything that it leaves out; ``var`` is the home of oneadmin.

    An attribute that is there counts whole: nothing is added to a vector.
    """
    full = conf.copy()
    for name, value in (*_ATTRIBUTES.items(), ("DATASTORE_LOCATION", f"{var}/datastores")):
        if name not in conf:
            full.add(name, value)
    for section in _DRIVERS:
        known = {each.get("NAME") for each in conf.vectors(section)}
        for each in drivers(section):
            if each["NAME"] not in known:
                full.add(section, each)
    return full
