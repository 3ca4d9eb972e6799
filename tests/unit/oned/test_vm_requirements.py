"""What the scheduler has to heed: clusters and datastores of all parts of a machine."""

import pytest
from sqlalchemy import Table, insert

from oned.database.db import Database, Transaction
from oned.database.pools import create
from oned.database.schema import cluster_datastore_relation, cluster_network_relation
from oned.errors import InternalError
from oned.vm.requirements import set_automatic
from onelib.template import Template
from tests.unit.oned.storage_objects import datastore

OTHER = " is not in the same cluster as the one used by other VM elements (cluster 0,5)"
RELATIONS: dict[Table, dict[int, tuple[int, ...]]] = {
    cluster_datastore_relation: {1: (0, 5), 2: (5, 6), 3: (7,)},
    cluster_network_relation: {1: (5,), 2: (7,)},
}


@pytest.fixture
def filled(database: Database) -> Database:
    """Datastores 0 to 3 (4 is in no cluster) and the clusters of the networks 1 and 2."""

    def fill(transaction: Transaction) -> None:
        for compatible in ("", "100,101", "101", "102"):
            create(transaction, datastore(template=Template([("COMPATIBLE_SYS_DS", compatible)])))
        for table, members in RELATIONS.items():
            for oid, clusters in members.items():
                transaction.write(insert(table), [{"cid": cluster, "oid": oid} for cluster in clusters])

    database.submit(fill).result()
    return database


def automatic(database: Database, text: str, user: str = "") -> dict[str, str]:
    template = Template.parse(text)
    database.read(lambda transaction: set_automatic(transaction, template, Template.parse(user)))
    return {name: template.get(name) for name in template.names() if name.startswith("AUTOMATIC")}


def refusal(database: Database, text: str) -> str:
    with pytest.raises(InternalError) as raised:
        automatic(database, text)
    return raised.value.detail


def test_a_machine_with_nothing_runs_anywhere(filled: Database) -> None:
    assert automatic(filled, 'AUTOMATIC_DS_REQUIREMENTS = "old"') == {
        "AUTOMATIC_REQUIREMENTS": "!(PUBLIC_CLOUD = YES) & !(PIN_POLICY = PINNED)"
    }


def test_all_parts_have_to_be_in_a_cluster(filled: Database) -> None:
    found = automatic(filled, "DISK = [ DATASTORE_ID = 1 ]\nDISK = [ DATASTORE_ID = 2 ]\nDISK = [ TYPE = fs ]")
    assert found == {
        "AUTOMATIC_REQUIREMENTS": "(CLUSTER_ID = 5) & !(PUBLIC_CLOUD = YES) & !(PIN_POLICY = PINNED)",
        "AUTOMATIC_NIC_REQUIREMENTS": '("CLUSTERS/ID" @> 5)',
        "AUTOMATIC_DS_REQUIREMENTS": '("CLUSTERS/ID" @> 5) & ("ID" @> 101)',
    }


def test_the_clusters_of_devices_are_those_of_now(filled: Database) -> None:
    template = Template.parse('DISK = [ DATASTORE_ID = 1, CLUSTER_ID = "9" ]\nNIC = [ NETWORK_ID = 1 ]')
    allowed = filled.read(lambda transaction: set_automatic(transaction, template, Template()))
    assert allowed == {5}
    assert template.vector("DISK")["CLUSTER_ID"] == "0,5"
    assert template.vector("NIC")["CLUSTER_ID"] == "5"


def test_wishes_for_the_system_datastore_are_added(filled: Database) -> None:
    found = automatic(
        filled,
        'DISK = [ SHAREABLE = "YES", CLUSTER_ID = "0,5" ]\nNIC = [ NETWORK_ID = 1 ]\n'
        'TM_MAD_SYSTEM = " ssh "\nTOPOLOGY = [ PIN_POLICY = "CORE" ]',
        'PUBLIC_CLOUD = [ TYPE = "ec2" ]\nPUBLIC_CLOUD = [ TYPE = "azure" ]',
    )
    assert found["AUTOMATIC_DS_REQUIREMENTS"] == '("CLUSTERS/ID" @> 5) & (TM_MAD = "ssh") & (SHARED = "YES")'
    assert found["AUTOMATIC_REQUIREMENTS"] == (
        "(CLUSTER_ID = 5) & !(PUBLIC_CLOUD = YES) & (PIN_POLICY = PINNED) | "
        "(PUBLIC_CLOUD = YES & (HYPERVISOR = azure | HYPERVISOR = ec2))"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "DISK = [ DATASTORE_ID = 1 ]\nDISK = [ DATASTORE_ID = 3 ]",
            f"Incompatible clusters in DISK. Datastore for DISK 1{OTHER}",
        ),
        (
            "DISK = [ DATASTORE_ID = 1 ]\nNIC = [ NETWORK_ID = 2 ]",
            f"Incompatible clusters in NIC. Network for NIC 0{OTHER}",
        ),
        (
            "DISK = [ DATASTORE_ID = 1 ]\nPCI = [ TYPE = NIC, NETWORK_ID = 2 ]",
            f"Incompatible clusters in PCI (TYPE=NIC). Network for PCI 0{OTHER}",
        ),
        ("DISK = [ DATASTORE_ID = 4 ]", "Missing clusters. Datastore for DISK 0 is not in any cluster"),
        ("NIC = [ NETWORK_ID = 3 ]", "Missing clusters. Network for NIC 0 is not in any cluster"),
        ("OS = [ KERNEL_DS_DSID = 4 ]", "Missing clusters. KERNEL datastore is not in any cluster."),
        (
            "OS = [ KERNEL_DS_DSID = 1, INITRD_DS_DSID = 3 ]",
            "Incompatible cluster in INITRD datastore, it should be in cluster 0,5.",
        ),
    ],
)
def test_parts_of_different_clusters_make_no_machine(filled: Database, text: str, wanted: str) -> None:
    assert refusal(filled, text) == wanted


def test_images_may_need_different_system_datastores(filled: Database) -> None:
    def join(transaction: Transaction) -> None:
        transaction.write(insert(cluster_datastore_relation), {"cid": 5, "oid": 3})

    filled.submit(join).result()
    assert refusal(filled, "DISK = [ DATASTORE_ID = 2 ]\nDISK = [ DATASTORE_ID = 3 ]").startswith(
        "Incompatible system datastore in DISK. Images Datastore for DISK 1 has not the same complatible system "
    )
