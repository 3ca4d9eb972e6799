"""What fsck repairs: how it is broken, and a part of each sentence that tells it."""

from oned.model.app import AppState
from tests.integration.onedb.fsck_breaks import (
    Break,
    body,
    both,
    done,
    enlarged,
    forgotten,
    group,
    host,
    image,
    network,
    offer,
    persistent,
    reservation,
    router,
    running,
    sql,
    store,
    stranger,
    template,
    user,
    zero,
)

LISTS = {
    "group's users": ("group_pool", group, "USERS", "User", "Group "),
    "cluster's hosts": ("cluster_pool", zero, "HOSTS", "Host", "cluster 0 host"),
    "cluster's datastores": ("cluster_pool", zero, "DATASTORES", "Datastore", "cluster 0 datastore"),
    "cluster's networks": ("cluster_pool", zero, "VNETS", "VNet", "cluster 0 vnet"),
    "datastore's images": ("datastore_pool", store, "IMAGES", "Image", "Datastore "),
    "router's machines": ("vrouter_pool", router, "VMS", "VM", "VRouter "),
    "host's machines": ("host_pool", host, "VMS", "VM", "Host "),
    "image's machines": ("image_pool", image, "VMS", "VM", "Image "),
}
"""Lists that are broken in both directions: an element of a table, and how sentences call what is in it and it."""
RELATIONS = {"datastore": ("cluster_datastore_relation", store), "vnet": ("cluster_network_relation", network)}
VM_METRICS = ("CPU", "MEMORY", "VMS", "RUNNING_CPU", "RUNNING_MEMORY", "RUNNING_VMS", "SYSTEM_DISK_SIZE")
METRICS = {
    "SIZE_USED": "Datastore 101\tSIZE_USED has 9",
    "IMAGES_USED": "Datastore 101\tIMAGES_USED has 9",
    "LEASES_USED": "VNet 0\tLEASES_USED has 9",
    "RVMS_USED": "Image 0\tRVMS has 9",
} | {f"{name}_USED": f"quotas: {name}_USED has 9" for name in VM_METRICS}
"""What quotas count, and what is said of it."""

REPAIRED: dict[str, tuple[Break, str | tuple[str, ...]]] = {
    "counter behind": (
        sql("UPDATE pool_control SET last_oid = 0 WHERE tablename = 'vm_pool'"),
        "pool_control for table vm_pool has last_oid 0, but it is ",
    ),
    "counter missing": (
        sql("DELETE FROM pool_control WHERE tablename = 'host_pool'"),
        "pool_control for table host_pool has last_oid -1, but it is ",
    ),
    "primary group gone": (
        body("user_pool", user, ("<GID>1</GID>", "<GID>777</GID>")),
        "has primary group 777, but it does not exist",
    ),
    "primary group not listed": (
        body("user_pool", user, ("<ID>1</ID>", "")),
        "does not have his primary group 1 in the list of secondary groups",
    ),
    "secondary group gone": (
        body("user_pool", user, ("<ID>1</ID>", "<ID>1</ID><ID>888</ID>")),
        "has secondary group 888, but it does not exist",
    ),
    "group column": (
        sql("UPDATE user_pool SET gid = 0 WHERE oid = :oid", oid=user),
        "is in group 1, but the DB table has GID column 0",
    ),
    "host's cluster column": (
        sql("UPDATE host_pool SET cid = 5 WHERE oid = :oid", oid=host),
        "is in cluster 0, but cid column has cluster 5",
    ),
    "host's cluster gone": (
        body("host_pool", host, ("<CLUSTER_ID>0</CLUSTER_ID>", "<CLUSTER_ID>66</CLUSTER_ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "host's cluster name": (
        body("host_pool", host, ("<CLUSTER>default</CLUSTER>", "<CLUSTER>other</CLUSTER>")),
        "has a wrong name for cluster 0, other. It will be changed to default",
    ),
    "datastore's cluster gone": (
        body("datastore_pool", store, ("<CLUSTERS>", "<CLUSTERS><ID>66</ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "network's cluster gone": (
        body("network_pool", network, ("<CLUSTERS>", "<CLUSTERS><ID>66</ID>")),
        "is in cluster 66, but it does not exist",
    ),
    "cluster forgets its members": (
        sql("UPDATE cluster_pool SET body = '<CLUSTER><ID>0</ID><NAME>default</NAME></CLUSTER>' WHERE oid = 0"),
        "is missing from cluster 0 datastore id list",
    ),
    "image's datastore name": (
        body("image_pool", image, ("<DATASTORE>fsck-img<", "<DATASTORE>other<")),
        "has a wrong name for datastore ",
    ),
    "host's name in a machine": (
        body("vm_pool", running, ("<HOSTNAME>fsck-1<", "<HOSTNAME>other<")),
        "has a wrong hostname for Host ",
    ),
    "console ports": (
        sql("UPDATE cluster_vnc_bitmap SET map = 'damaged' WHERE id = 0"),
        "Cluster 0 has not the proper reserved VNC ports",
    ),
    "console ports missing": (
        sql("DELETE FROM cluster_vnc_bitmap WHERE id = 0"),
        "Cluster 0 has not the proper reserved VNC ports",
    ),
    "open record of a machine that is done": (
        sql("UPDATE history SET etime = 0 WHERE vid = :oid", oid=done),
        "is not closed (etime = 0), but the VM is in state DONE",
    ),
    "open record that is not the last": (
        sql("UPDATE history SET etime = 0 WHERE vid = :oid AND seq = 0", oid=lambda w: w.vms["PROLOG_MIGRATE"]),
        "seq # 0 is not closed (etime = 0)",
    ),
    "record without a begin": (
        sql("UPDATE history SET stime = 0 WHERE vid = :oid", oid=running),
        "has no start (stime = 0)",
    ),
    "PCI device of nobody": (
        body(
            "host_pool",
            host,
            (
                "<PCI_DEVICES>",
                "<PCI_DEVICES><PCI><ADDRESS>0</ADDRESS><DEVICE_NAME>card</DEVICE_NAME><VMID>9999</VMID></PCI>",
            ),
        ),
        "VM 9999 has a PCI device assigned in host ",
    ),
    "app's marketplace name": (
        offer(0, "other"),
        "Marketplace App 0 has a wrong name for marketplace 0, other. It will be changed to OpenNebula Public",
    ),
    "app not in its marketplace": (
        offer(0, "OpenNebula Public"),
        "Marketplace App 0 is missing from Marketplace 0 app id list",
    ),
    "image's copying counter": (
        body("image_pool", image, ("<CLONING_OPS>0<", "<CLONING_OPS>4<")),
        "CLONING_OPS has 4",
    ),
    "leases forgotten": (
        sql(
            "UPDATE network_pool SET body = REPLACE(body, 'ALLOCATED', 'FORGOTTEN') WHERE oid = :oid", oid=network
        ),
        "does not have a lease for ",
    ),
    "lease of another": (
        lambda w: w.sql(
            "UPDATE network_pool SET body = REPLACE(body, :old, ' 68719486735 ') WHERE oid = :oid",
            old=f" {0x1000000000 | running(w)} ",
            oid=network(w),
        ),
        "to VM 9999, but it is actually used by VM ",
    ),
    "lease on hold that is used": (
        lambda w: w.sql(
            "UPDATE network_pool SET body = REPLACE(body, :old, :new) WHERE oid = :oid",
            old=f" {0x1000000000 | running(w)} ",
            new=f" {0x10FFFFFFFF} ",
            oid=network(w),
        ),
        "on hold, but it is actually used by VM ",
    ),
    "more leases than addresses": (
        body("network_pool", network, ("<SIZE><![CDATA[200]]>", "<SIZE><![CDATA[3]]>")),
        "is greater than the AR size (3)",
    ),
    "reservation's column": (
        sql("UPDATE network_pool SET pid = -1 WHERE oid = :oid", oid=reservation),
        "but pid column has -1",
    ),
    "network driver not in the template": (
        sql(
            "UPDATE network_pool SET body = REPLACE(body, '<VN_MAD><![CDATA[dummy]]></VN_MAD></TEMPLATE>', "
            "'</TEMPLATE>') WHERE oid = :oid",
            oid=network,
        ),
        "VN_MAD element is missing from the TEMPLATE",
    ),
    "quotas of a group forgotten": (
        lambda w: w.sql(
            "UPDATE group_quotas SET body = :body WHERE group_oid = :oid",
            body=f"<QUOTAS><ID>{w.group}</ID></QUOTAS>",
            oid=w.group,
        ),
        "RUNNING_VMS_USED has 0",
    ),
    "row of quotas missing": (
        sql("DELETE FROM user_quotas WHERE user_oid = :oid", oid=user),
        "there is no row in table user_quotas",
    ),
    "group's administrator who is no user of it": (
        stranger("group_pool", group, "ADMINS"),
        "User 9999 is in Group 100 admins id list, but it should not",
    ),
    "host's counters": (
        enlarged("host_pool", host, "RUNNING_VMS", "CPU_USAGE", "MEM_USAGE"),
        ("RUNNING_VMS has 9", "CPU_USAGE has 9", "MEM_USAGE has 9"),
    ),
    "marketplace without a zone": (
        both(
            body("marketplace_pool", lambda _: 1, ("<ZONE_ID>0</ZONE_ID>", "<ZONE_ID>-1</ZONE_ID>")),
            body("marketplace_pool", lambda _: 2, ("<ZONE_ID>0</ZONE_ID>", "")),
            body("marketplace_pool", lambda _: 3, ("<ZONE_ID>0</ZONE_ID>", "<ZONE_ID>none</ZONE_ID>")),
        ),
        tuple(f"Marketplace {oid} has an invalid ZONE_ID. Will be set to 0" for oid in (1, 2, 3)),
    ),
    "marketplace's apps": (
        stranger("marketplace_pool", zero, "MARKETPLACEAPPS"),
        "Marketplace App 9999 is in Marketplace 0 app id list, but it should not",
    ),
    "image's counters": (
        enlarged("image_pool", image, "RUNNING_VMS", "CLONING_OPS"),
        ("RUNNING_VMS has 9", "CLONING_OPS has 9"),
    ),
    "image's copies with a stranger": (
        both(stranger("image_pool", image, "CLONES"), stranger("image_pool", image, "APP_CLONES")),
        (
            "Image 9999 is in Image 0 CLONES id list, but it should not",
            "Marketplace App 9999 is in Image 0 APP_CLONES id list, but it should not",
        ),
    ),
    "image's copies forgotten": (
        both(
            body("image_pool", persistent, ("<CLONING_ID>-1<", "<CLONING_ID>0<")),
            offer(0, "OpenNebula Public", AppState.LOCKED, 0),
        ),
        (
            "Image 1 is missing from Image 0 CLONES id list",
            "Marketplace App 0 is missing from Image 0 APP_CLONES id list",
            "Image 0 CLONING_OPS has 0 \tis\t2",
        ),
    ),
    "image that is in use": (
        both(
            body("image_pool", image, ("<STATE>2</STATE>", "<STATE>1</STATE>")),
            body("image_pool", persistent, ("<STATE>8</STATE>", "<STATE>6</STATE>")),
        ),
        ("Image 0 has STATE READY \tis\tUSED", "Image 1 has STATE CLONE \tis\tUSED_PERS"),
    ),
    "image that is locked": (
        both(
            body("image_pool", image, ("<STATE>2</STATE>", "<STATE>4</STATE>")),
            body("image_pool", persistent, ("<STATE>8</STATE>", "<STATE>9</STATE>")),
        ),
        (
            "Image 0 has STATE LOCKED \tis\tLOCKED_USED",
            "Image 1 has STATE LOCKED_USED \tis\tLOCKED_USED_PERS",
        ),
    ),
    "machine that ended without anybody noticing": (
        sql("UPDATE vm_pool SET state = 6, body = REPLACE(body, '<STATE>2<', '<STATE>6<') WHERE oid = 0"),
        ("VM 0 is in Image 1 VM id list, but it should not", "Image 1 has STATE USED_PERS \tis\tREADY"),
    ),
    "lease of nobody": (
        body(
            "network_pool",
            network,
            (
                "]]></ALLOCATED>",
                " 150 68719486735 151 274877916943 152 1125899906852623]]></ALLOCATED>",
            ),
        ),
        (
            "has leased 10.0.0.151 to VM 9999, but it is actually free",
            "has leased 10.0.0.152 to VNet 9999, but it is actually free",
            "has leased 10.0.0.153 to VRouter 9999, but it is actually free",
        ),
    ),
    "leases of a reservation and of a router forgotten": (
        body("network_pool", network, (" 0 1125899906842624", ""), (" 3 274877906945", "")),
        (
            "does not have a lease for 02:00:0a:00:00:01, but it is in use by VRouter 0",
            "does not have a lease for 02:00:0a:00:00:04, but it is in use by VNet 1",
        ),
    ),
    "leases that are none": (
        body("network_pool", network, ("<ALLOCATED><![CDATA[", "<ALLOCATED><![CDATA[ x 5 y 3")),
        "VNet 0 AR 0 has leases that cannot be read",
    ),
    "leases far outside of the range": (
        body(
            "network_pool",
            network,
            ("]]></ALLOCATED>", " 9999 68719486735 98765432109876 68719476735 98765432109877 4]]></ALLOCATED>"),
        ),
        "to VM 9999, but it is actually free",
    ),
    "blanks in an address": (
        body("network_pool", network, ("<![CDATA[10.0.0.1]]>", "<![CDATA[ 10.0.0.1 ]]>")),
        'VNet 0 AR 0 IP " 10.0.0.1 " contains whitespaces',
    ),
    "network's counter": (
        enlarged("network_pool", network, "USED_LEASES"),
        "used leases, but it is actually ",
    ),
    "quotas of a user": (
        enlarged("user_quotas", user, *METRICS, key="user_oid"),
        tuple(METRICS.values()),
    ),
    "quotas of a group": (
        enlarged("group_quotas", group, *METRICS, key="group_oid"),
        tuple(METRICS.values()),
    ),
    "quotas without anything": (
        sql("UPDATE user_quotas SET body = '<QUOTAS><VM_QUOTA/></QUOTAS>' WHERE user_oid = :oid", oid=user),
        ("quotas: ID has -1 ", *(text.replace("has 9", "has 0 ") for text in METRICS.values())),
    ),
    "deprecated boot order": (
        template(
            "<DISK><IMAGE>fsck</IMAGE><IMAGE_UNAME>oneadmin</IMAGE_UNAME></DISK>",
            "<DISK><IMAGE>nobody's</IMAGE></DISK><DISK><IMAGE_ID>one</IMAGE_ID></DISK>",
            "<DISK><IMAGE>kept</IMAGE><IMAGE_UID>2</IMAGE_UID></DISK>",
            "<OS><BOOT>hd,network, HD,network</BOOT></OS>",
        ),
        'OS/BOOT contains deprecated format "hd,network, HD,network", is was updated to disk0,nic0,disk3,nic1',
    ),
    "deprecated boot from a CD": (
        both(
            body("image_pool", persistent, ("<TYPE>0</TYPE>", "<TYPE>1</TYPE>")),
            template(
                "<DISK><IMAGE_ID>0</IMAGE_ID></DISK><DISK><IMAGE_ID>1</IMAGE_ID></DISK><OS><BOOT>cdrom</BOOT></OS>"
            ),
        ),
        'OS/BOOT contains deprecated format "cdrom", is was updated to disk1',
    ),
    "drivers of very old records": (
        sql(
            "UPDATE history SET body = REPLACE(REPLACE(body, 'VM_MAD>', 'VMMMAD>'), 'TM_MAD>', 'TMMAD>') "
            "WHERE vid = :oid",
            oid=running,
        ),
        ("has VMMMAD. It will be changed to VM_MAD", "has TMMAD. It will be changed to TM_MAD"),
    ),
}
"""What is broken, and parts of the sentences that tell it."""

for _name, (_table, _which, _tag, _label, _holder) in LISTS.items():
    REPAIRED[f"{_name} with a stranger"] = (stranger(_table, _which, _tag), f"{_label} 9999 is in {_holder}")
    REPAIRED[f"{_name} forgotten"] = (forgotten(_table, _which, _tag), f"is missing from {_holder}")
for _word, (_table, _which) in RELATIONS.items():
    REPAIRED[f"{_word}'s relation with a stranger"] = (
        sql(f"INSERT INTO {_table} (cid, oid) VALUES (0, 9999), (77, 0)"),
        tuple(
            f"Table {_table} contains relation cluster {ids}, but it should not"
            for ids in (f"0, {_word} 9999", f"77, {_word} 0")
        ),
    )
    REPAIRED[f"{_word}'s relation forgotten"] = (
        sql(f"DELETE FROM {_table} WHERE oid = :oid", oid=_which),
        f"Table {_table} is missing relation cluster 0, {_word} ",
    )
