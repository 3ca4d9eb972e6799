"""Bodies of objects as servers from 5.6 to 6.0 wrote them; :mod:`tests.support.old_database` fills tables with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.support import old_fleet as fleet

VERSIONS = ("5.6", "5.8", "5.10", "5.12", "6.0")


@dataclass(frozen=True)
class Release:
    """One of :data:`VERSIONS`."""

    name: str

    def since(self, other: str) -> bool:
        """Whether this is ``other`` or later."""
        return VERSIONS.index(self.name) >= VERSIONS.index(other)


def permissions(*, other: bool = False) -> str:
    """Use and manage for the owner, use for the group, use for others if ``other``."""
    values = dict.fromkeys(("OWNER_U", "OWNER_M", "GROUP_U"), 1) | {"OTHER_U": int(other)}
    names = [f"{who}_{right}" for who in ("OWNER", "GROUP", "OTHER") for right in "UMA"]
    return f"<PERMISSIONS>{''.join(f'<{n}>{values.get(n, 0)}</{n}>' for n in names)}</PERMISSIONS>"


def head(oid: int, name: str, uid: int = 0) -> str:
    """What every owned object begins with; users from 2 on are ``user<uid>`` of the group users."""
    gid, group = (0, "oneadmin") if uid == 0 else (1, "users")
    user = "oneadmin" if uid == 0 else f"user{uid}"
    names = f"<UNAME>{user}</UNAME><GNAME>{group}</GNAME><NAME>{name}</NAME>"
    return f"<ID>{oid}</ID><UID>{uid}</UID><GID>{gid}</GID>{names}"


def ids(tag: str, numbers: Sequence[int]) -> str:
    return f"<{tag}>{''.join(f'<ID>{n}</ID>' for n in numbers)}</{tag}>"


def attributes(tag: str, **values: str) -> str:
    """A template of single values."""
    inner = "".join(f"<{name}><![CDATA[{content}]]></{name}>" for name, content in values.items())
    return f"<{tag}>{inner}</{tag}>"


def host(release: Release, oid: int, vms: list[int], now: int) -> str:
    """A monitored host; until 5.10 its share held what monitoring measured."""
    new = release.since("5.12")
    measured = (
        ""
        if new
        else "<FREE_MEM>8000000</FREE_MEM><FREE_CPU>700</FREE_CPU><USED_MEM>500000</USED_MEM><USED_CPU>9</USED_CPU>"
    )
    disks = "".join(
        f"<{n}>{v}</{n}>"
        for n, v in (("DISK_USAGE", 0), ("MAX_DISK", 90000), ("FREE_DISK", 50000), ("USED_DISK", 40000))
    )
    traffic = {} if new else {"NETRX": "1234", "NETTX": "567"}
    return (
        f"<HOST><ID>{oid}</ID><NAME>node{oid}</NAME><STATE>2</STATE>"
        f"{'<PREV_STATE>2</PREV_STATE>' if release.since('5.10') else ''}"
        f"<IM_MAD>kvm</IM_MAD><VM_MAD>kvm</VM_MAD>{'' if new else f'<LAST_MON_TIME>{now}</LAST_MON_TIME>'}"
        f"<CLUSTER_ID>0</CLUSTER_ID><CLUSTER>default</CLUSTER><HOST_SHARE>{'' if new else disks}"
        f"<MEM_USAGE>{1048576 * len(vms)}</MEM_USAGE><CPU_USAGE>{100 * len(vms)}</CPU_USAGE>"
        f"<TOTAL_MEM>900000000</TOTAL_MEM><TOTAL_CPU>90000</TOTAL_CPU>"
        f"<MAX_MEM>900000000</MAX_MEM><MAX_CPU>90000</MAX_CPU>{measured}"
        f"<RUNNING_VMS>{len(vms)}</RUNNING_VMS><VMS_THREAD>1</VMS_THREAD>"
        f"<DATASTORES>{disks if new else ''}</DATASTORES><PCI_DEVICES/>"
        f"<NUMA_NODES/></HOST_SHARE>{ids('VMS', vms)}"
        f"{attributes('TEMPLATE', ARCH='x86_64', HYPERVISOR='kvm', VERSION='5', **traffic)}"
        f"{'<MONITORING/>' if new else ''}</HOST>"
    )


def host_report(release: Release, oid: int, when: int) -> str:
    """A row of ``host_monitoring``: the whole host until 5.10."""
    if not release.since("5.12"):
        return host(release, oid, [], when)
    return (
        f"<MONITORING><TIMESTAMP>{when}</TIMESTAMP><ID>{oid}</ID><CAPACITY><FREE_CPU>700</FREE_CPU>"
        "<FREE_MEMORY>8000000</FREE_MEMORY><USED_CPU>9</USED_CPU><USED_MEMORY>500000</USED_MEMORY></CAPACITY>"
        "<SYSTEM><NETRX>1234</NETRX><NETTX>567</NETTX></SYSTEM></MONITORING>"
    )


def vm_report(release: Release, oid: int, when: int) -> str:
    """A row of ``vm_monitoring``."""
    if release.since("5.12"):
        return attributes(
            "MONITORING", CPU="3.5", ID=str(oid), MEMORY="524288", NETRX="42", NETTX="7", TIMESTAMP=str(when)
        )
    values = attributes("MONITORING", CPU="3.5", DISK_SIZE="20", MEMORY="524288", NETRX="42", STATE="a")
    used = "<TEMPLATE><CPU>1</CPU><MEMORY>1024</MEMORY></TEMPLATE>"
    return f"<VM><ID>{oid}</ID><LAST_POLL>{when}</LAST_POLL>{values}{used}</VM>"


def image_size(oid: int) -> int:
    """Megabytes of an image with its snapshots: every fifth has one."""
    return 25 if oid % 5 == 0 else 20


def image(release: Release, oid: int, uid: int, store: int, vms: Sequence[int] = ()) -> str:
    """An image that ``vms`` run copies of, every fifth with a snapshot."""
    state = 2 if vms else 1
    new = release.since("6.0")
    template = {"DEV_PREFIX": "vd"} | ({} if new or oid % 3 else {"DRIVER": "qcow2"})
    next_one = f"<NEXT_SNAPSHOT>{1 if oid % 5 == 0 else 0}</NEXT_SNAPSHOT>" if release.since("5.8") else ""
    one = "<SNAPSHOT><ACTIVE>YES</ACTIVE><DATE>1500000000</DATE><ID>0</ID><PARENT>-1</PARENT><SIZE>5</SIZE></SNAPSHOT>"
    snapshots = f"{next_one}{one if oid % 5 == 0 else ''}"
    kind = "<FORMAT>qcow2</FORMAT><FS></FS>" if new else "<FSTYPE></FSTYPE>"
    return (
        f"<IMAGE>{head(oid, f'image{oid}', uid)}{permissions()}<TYPE>0</TYPE><DISK_TYPE>0</DISK_TYPE>"
        f"<PERSISTENT>0</PERSISTENT><REGTIME>1500000000</REGTIME><SOURCE>/var/lib/one/datastores/{store}/{oid:x}</SOURCE>"
        f"<PATH>/tmp/disk &amp; more</PATH>{kind}<SIZE>20</SIZE>"
        f"<STATE>{state}</STATE>{f'<PREV_STATE>{state}</PREV_STATE>' if new else ''}"
        f"<RUNNING_VMS>{len(vms)}</RUNNING_VMS>"
        "<CLONING_OPS>0</CLONING_OPS><CLONING_ID>-1</CLONING_ID><TARGET_SNAPSHOT>-1</TARGET_SNAPSHOT>"
        f"<DATASTORE_ID>{store}</DATASTORE_ID><DATASTORE>default</DATASTORE>{ids('VMS', vms)}<CLONES></CLONES>"
        f"<APP_CLONES></APP_CLONES>{attributes('TEMPLATE', **template)}"
        f"<SNAPSHOTS><ALLOW_ORPHANS><![CDATA[NO]]></ALLOW_ORPHANS><CURRENT_BASE>-1</CURRENT_BASE>{snapshots}"
        "</SNAPSHOTS></IMAGE>"
    )


def network(release: Release, oid: int, vms: Sequence[int] = ()) -> str:
    """A network with one range, of which ``vms`` have addresses."""
    kind = "<BRIDGE_TYPE>linux</BRIDGE_TYPE>" if release.since("5.8") else ""
    ip, mac = fleet.address(oid, 0)
    size = 250 + (fleet.index_of(vms[-1]) if vms else 0)
    return (
        f"<VNET>{head(oid, f'net{oid}')}{permissions(other=True)}<CLUSTERS><ID>0</ID></CLUSTERS>"
        f"<BRIDGE>br{oid}</BRIDGE>{kind}<PARENT_NETWORK_ID/><VN_MAD>bridge</VN_MAD><PHYDEV/><VLAN_ID/><OUTER_VLAN_ID/>"
        "<VLAN_ID_AUTOMATIC>0</VLAN_ID_AUTOMATIC><OUTER_VLAN_ID_AUTOMATIC>0</OUTER_VLAN_ID_AUTOMATIC>"
        f"<USED_LEASES>{len(vms)}</USED_LEASES><VROUTERS></VROUTERS>"
        f"{attributes('TEMPLATE', BRIDGE=f'br{oid}', SECURITY_GROUPS='0', VN_MAD='bridge')}"
        f"<AR_POOL><AR><ALLOCATED><![CDATA[{fleet.allocated(vms)}]]></ALLOCATED><AR_ID><![CDATA[0]]></AR_ID>"
        f"<IP><![CDATA[{ip}]]></IP><MAC><![CDATA[{mac}]]></MAC>"
        f"<SIZE><![CDATA[{size}]]></SIZE><TYPE><![CDATA[IP4]]></TYPE></AR></AR_POOL></VNET>"
    )


def record(oid: int, seq: int, start: int, end: int) -> str:
    """The fields of a record of the history, without element and machine; machines run on host 1 + ``oid`` % 10."""
    place = fleet.host_of(oid)
    return (
        f"<OID>{oid}</OID><SEQ>{seq}</SEQ><HOSTNAME>node{place}</HOSTNAME><HID>{place}</HID><CID>0</CID>"
        f"<STIME>{start}</STIME><ETIME>{end}</ETIME><VM_MAD>kvm</VM_MAD><TM_MAD>ssh</TM_MAD><DS_ID>0</DS_ID>"
        f"<PSTIME>{start}</PSTIME><PETIME>{start + 5}</PETIME><RSTIME>{start + 5}</RSTIME><RETIME>{end}</RETIME>"
        "<ESTIME>0</ESTIME><EETIME>0</EETIME><ACTION>0</ACTION><UID>-1</UID><GID>-1</GID><REQUEST_ID>-1</REQUEST_ID>"
    )


def vm(release: Release, oid: int, uid: int, now: int, records: str, *, deep: bool = True) -> str:
    """A running machine; ``deep`` with what a body in the pool has and one in the history has not."""
    kind = "<BRIDGE_TYPE><![CDATA[linux]]></BRIDGE_TYPE>" if release.since("5.8") else ""
    monitoring = attributes("MONITORING", CPU="3.5", MEMORY="524288", NETRX="42", NETTX="7", STATE="a")
    before, after = (
        ("", "<MONITORING/>") if release.since("5.12") else (monitoring if deep else "<MONITORING/>", "")
    )
    poll = "" if release.since("5.12") else f"<LAST_POLL>{now}</LAST_POLL>"
    next_one = "<NEXT_SNAPSHOT>3</NEXT_SNAPSHOT>" if release.since("5.8") else ""
    snapshots = (
        f"<SNAPSHOTS><ALLOW_ORPHANS><![CDATA[NO]]></ALLOW_ORPHANS><CURRENT_BASE>-1</CURRENT_BASE><DISK_ID>0</DISK_ID>"
        f"{next_one}<SNAPSHOT><ACTIVE>YES</ACTIVE><DATE>1500000000</DATE><ID>2</ID><PARENT>-1</PARENT><SIZE>9</SIZE>"
        "</SNAPSHOT></SNAPSHOTS>"
        if deep and oid % 7 == 0
        else ""
    )
    disk = attributes(
        "DISK",
        CLONE="YES",
        CLONE_TARGET="SYSTEM",
        DATASTORE="default",
        DATASTORE_ID="1",
        DEV_PREFIX="vd",
        DISK_ID="0",
        DRIVER="qcow2",
        IMAGE=f"image{fleet.image_of(oid)}",
        IMAGE_ID=str(fleet.image_of(oid)),
        SIZE=str(fleet.DISK_MEGABYTES),
        SOURCE=f"/var/lib/one/datastores/1/{oid:032x}",
        TARGET="vda",
        TM_MAD="ssh",
        TYPE="FILE",
    )
    place = fleet.network_of(oid)
    ip, mac = fleet.address(place, fleet.index_of(oid))
    nic = (
        attributes(
            "NIC",
            AR_ID="0",
            BRIDGE=f"br{place}",
            IP=ip,
            MAC=mac,
            NETWORK=f"net{place}",
            NETWORK_ID=str(place),
            NIC_ID="0",
            SECURITY_GROUPS="0",
            VN_MAD="bridge",
        ).removesuffix("</NIC>")
        + f"{kind}</NIC>"
    )
    size = {"CPU": str(fleet.CORES), "MEMORY": str(fleet.MEGABYTES)}
    rest = attributes("TEMPLATE", **size, TEMPLATE_ID=str(oid % 10), VMID=str(oid))
    port = fleet.port_of(oid)
    graphics = "" if port is None else attributes("GRAPHICS", LISTEN="0.0.0.0", PORT=str(port), TYPE="VNC")
    needs = "<AUTOMATIC_REQUIREMENTS><![CDATA[(CLUSTER_ID = 0) & !(PUBLIC_CLOUD = YES)]]></AUTOMATIC_REQUIREMENTS>"
    user = attributes("USER_TEMPLATE", DESCRIPTION=f"machine {oid} für <tests>", HYPERVISOR="kvm", LABELS="a,b")
    return (
        f"<VM>{head(oid, f'vm-{oid}', uid)}{permissions()}{poll}<STATE>3</STATE><LCM_STATE>3</LCM_STATE>"
        f"<PREV_STATE>3</PREV_STATE><PREV_LCM_STATE>3</PREV_LCM_STATE><RESCHED>0</RESCHED><STIME>{now - 9000}</STIME>"
        f"<ETIME>0</ETIME><DEPLOY_ID>one-{oid}</DEPLOY_ID>{before}<TEMPLATE>{needs}{disk}{graphics}{nic}"
        f"{rest.removeprefix('<TEMPLATE>')}{user}{records or '<HISTORY_RECORDS/>'}{snapshots}{after}</VM>"
    )


def short_vm(oid: int, uid: int, now: int) -> str:
    """The short body of the same machine, from 5.8 on."""
    place = fleet.host_of(oid)
    return (
        f"<VM>{head(oid, f'vm-{oid}', uid)}<LAST_POLL>{now}</LAST_POLL><STATE>3</STATE><LCM_STATE>3</LCM_STATE>"
        f"<RESCHED>0</RESCHED><STIME>{now - 9000}</STIME><ETIME>0</ETIME><DEPLOY_ID>one-{oid}</DEPLOY_ID>"
        f"<TEMPLATE><CPU>1</CPU><MEMORY>1024</MEMORY></TEMPLATE><MONITORING/><USER_TEMPLATE><LABELS>a,b</LABELS>"
        f"</USER_TEMPLATE><HISTORY_RECORDS><HISTORY><OID>{oid}</OID><SEQ>1</SEQ><HOSTNAME>node{place}</HOSTNAME>"
        f"<HID>{place}</HID><CID>0</CID><DS_ID>0</DS_ID><ACTION>0</ACTION></HISTORY></HISTORY_RECORDS></VM>"
    )
