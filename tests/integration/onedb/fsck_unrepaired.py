"""What fsck only tells: how it is broken, and a part of the sentence."""

from tests.integration.onedb.fsck_breaks import (
    Break,
    body,
    both,
    done,
    group,
    host,
    image,
    network,
    offer,
    reservation,
    router,
    running,
    share,
    sql,
    template,
    user,
)
from tests.integration.onedb.fsck_world import World


def twin(w: World) -> None:
    """Make the user one of LDAP, and another one of the same name in capitals."""
    w.edit("user_pool", user(w), ("<![CDATA[core]]>", "<![CDATA[ldap]]>"))
    body = w.body("user_pool", user(w)).replace(f"<ID>{user(w)}</ID>", "<ID>50</ID>").replace(">fsck<", ">FSCK<")
    w.sql(
        "INSERT INTO user_pool (oid, name, body, uid, gid, owner_u, group_u, other_u) "
        "VALUES (50, 'Twin', :body, 50, 1, 1, 0, 0)",
        body=body,
    )


UNREPAIRED: dict[str, tuple[Break, str]] = {
    "names that differ by case": (
        twin,
        "has conficting name ",
    ),
    "image's datastore gone": (
        body("image_pool", image, ("<DATASTORE_ID>", "<DATASTORE_ID>99")),
        "but it does not exist. The image is probably unusable",
    ),
    "machine's image gone": (
        body("vm_pool", running, ("<IMAGE_ID><![CDATA[", "<IMAGE_ID><![CDATA[99")),
        "but it does not exist",
    ),
    "machine's network gone": (
        body("vm_pool", running, ("<NETWORK_ID><![CDATA[", "<NETWORK_ID><![CDATA[99")),
        "is using VNet 99",
    ),
    "machine's range gone": (
        body("vm_pool", running, ("<AR_ID><![CDATA[0]]>", "<AR_ID><![CDATA[9]]>")),
        "AR 9, but the AR does not exist",
    ),
    "machine's host gone": (
        body("vm_pool", running, ("<HID>", "<HID>99")),
        "is using Host 99",
    ),
    "machine's router gone": (
        body("vm_pool", running, ("<TEMPLATE>", "<TEMPLATE><VROUTER_ID>99</VROUTER_ID>")),
        "is part of VRouter 99, but it does not exist",
    ),
    "machine's addresses": (
        body("vm_pool", running, ("<IP><![CDATA[10.0.0.", "<IP><![CDATA[10.9.0.")),
        "IP does not match: 10.9.0.",
    ),
    "app's marketplace gone": (
        offer(77, "gone"),
        "Marketplace App 0 has marketplace 77, but it does not exist. The app is probably unusable",
    ),
    "one address twice": (
        share("MAC"),
        "has more than one lease with the same MAC address",
    ),
    "one console port twice": (
        share("PORT"),
        "have the same VNC port ",
    ),
    "reservation's range gone": (
        body(
            "network_pool",
            reservation,
            ("<PARENT_NETWORK_AR_ID><![CDATA[0]]>", "<PARENT_NETWORK_AR_ID><![CDATA[9]]>"),
        ),
        "AR 9, but the AR does not exist",
    ),
    "network without a driver": (
        body("network_pool", network, ("<VN_MAD><![CDATA[dummy]]></VN_MAD>", "<VN_MAD/>")),
        "VN_MAD element is missing",
    ),
    "closed stay without an end": (
        lambda w: [
            w.sql(statement, oid=w.vms["PROLOG_MIGRATE"])
            for statement in (
                "UPDATE history SET etime = 0 WHERE vid = :oid AND seq = 0",
                "UPDATE history SET stime = 0, body = '<HISTORY><SEQ>1</SEQ></HISTORY>' WHERE vid = :oid AND seq = 1",
            )
        ],
        "seq # 0 is not closed (etime = 0)",
    ),
    "closed stay of a machine that ended nobody knows when": (
        both(
            sql("UPDATE history SET etime = 0 WHERE vid = :oid", oid=done),
            lambda w: w.empty("vm_pool", done(w), "ETIME"),
        ),
        "is not closed (etime = 0), but the VM is in state DONE",
    ),
    "machine that runs nowhere": (
        lambda w: w.empty("vm_pool", running(w), "HISTORY_RECORDS"),
        "is using Host -1, but it does not exist",
    ),
    "machine's address outside of its range": (
        body("vm_pool", running, ("<MAC><![CDATA[02:00:0a:", "<MAC><![CDATA[02:00:0b:")),
        "has a lease from VNet 0, but it could not be matched to any AR",
    ),
    "router's network gone": (
        body("vrouter_pool", router, ("<NETWORK_ID><![CDATA[", "<NETWORK_ID><![CDATA[99")),
        "VRouter 0 is using VNet 990, but it does not exist",
    ),
    "router's range gone": (
        body("vrouter_pool", router, ("<AR_ID><![CDATA[0]]>", "<AR_ID><![CDATA[9]]>")),
        "VRouter 0 is using VNet 0, AR 9, but the AR does not exist",
    ),
    "boot from a disk that there is not": (
        template("<OS><BOOT>network,hd</BOOT></OS>"),
        'contains deprecated format "network,hd", but DISK #0 of type hd could not be found to fix it automatically',
    ),
    "boot from a floppy": (
        template("<OS><BOOT>fd</BOOT></OS>"),
        'contains deprecated format "fd", but "fd" is not supported anymore and can\'t be fixed automatically',
    ),
    "boot from something": (
        template("<OS><BOOT>network,tape</BOOT></OS>"),
        'contains deprecated format "network,tape", but it can\'t be parsed to be fixed automatically',
    ),
    "quotas that are none": (
        sql("UPDATE group_quotas SET body = 'none' WHERE group_oid = :oid", oid=group),
        "quotas: the body cannot be read",
    ),
    "body of another": (
        body("host_pool", host, ("<ID>0</ID>", "<ID>1</ID>")),
        "HOST 0 has a body of the ID 1",
    ),
}
