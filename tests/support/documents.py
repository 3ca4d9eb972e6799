"""What the server's documents have and have not, where the client's bindings do not tell.

A path is that of an element or the end of it. Elements that 6.0 writes always and that are not named here have to be
in every document.
"""

ROOTS = {
    "HOOKLOG": "HOOKLOGType",
    "DEFAULT_USER_QUOTAS": "DEFAULT_USER_QUOTASType",
    "DEFAULT_GROUP_QUOTAS": "DEFAULT_GROUP_QUOTASType",
}
"""Documents that the bindings know as a part of others only."""

WRITTEN = {
    "HOOK_MESSAGE of VM": "HOOK_TYPE HOOK_OBJECT STATE LCM_STATE RESOURCE_ID:integer SERVICE_ID REMOTE_HOST VM/VM",
    "HOOK_MESSAGE of HOST": "HOOK_TYPE HOOK_OBJECT STATE REMOTE_HOST RESOURCE_ID:integer HOST/HOST",
    "HOOK_MESSAGE of IMAGE": "HOOK_TYPE HOOK_OBJECT STATE RESOURCE_ID:integer IMAGE/IMAGE",
    "HOOK_MESSAGE of RETRY": "ARGUMENTS HOOK_ID:integer REMOTE_HOST",
    "SQL_COMMAND": "QUERY RESULT",
}
"""Documents that the bindings do not know: the children in their order; after ``/`` the element that it is."""

FREE = {"TEMPLATE", "USER_TEMPLATE", "PCI", "EXTRA", "RESULT"}
"""Elements that hold anything, where the bindings take them for a text."""

WHOLE = {"VM_POOL/VM": ("PREV_STATE", "VM")}
"""Members of a pool that are whole objects when they have that child: the extended lists."""

_COUNTERS = "CPU DISKRDBYTES DISKRDIOPS DISKWRBYTES DISKWRIOPS ID MEMORY NETTX NETRX TIMESTAMP"
_VCENTER = (
    "VCENTER_ESX_HOST VCENTER_GUEST_STATE VCENTER_RP_NAME VCENTER_VMWARETOOLS_RUNNING_STATUS "
    "VCENTER_VMWARETOOLS_VERSION VCENTER_VMWARETOOLS_VERSION_STATUS VCENTER_VM_NAME"
)
_ADDRESSES = "IP IP_END IP6 IP6_END IP6_GLOBAL IP6_GLOBAL_END IP6_ULA IP6_ULA_END GLOBAL_PREFIX ULA_PREFIX"

ABSENT = {
    "HOOK_MESSAGE of VM": "SERVICE_ID",
    "HOOK_MESSAGE of RETRY": "REMOTE_HOST",
    "HOOK": "HOOKLOG",
    "HOOK_EXECUTION_RECORD": "REMOTE_HOST RETRY",
    "CALL_INFO": "EXTRA",
    # Only what is locked has one.
    **dict.fromkeys(
        ("DOCUMENT", "IMAGE", "MARKETPLACEAPP", "VM", "VMTEMPLATE", "VM_GROUP", "VNTEMPLATE", "VROUTER"), "LOCK"
    ),
    "VM_QUOTA": "VM",
    "SNAPSHOT": "ACTIVE CHILDREN NAME",
    "HOST/MONITORING": "TIMESTAMP ID CAPACITY SYSTEM",
    # What the probes did not report.
    "MONITORING/CAPACITY": "*",
    "MONITORING/SYSTEM": "*",
    "VM/MONITORING": f"{_COUNTERS} {_VCENTER}",
    # Of a machine; a host's has CAPACITY and SYSTEM.
    "MONITORING_DATA/MONITORING": f"{_COUNTERS} {_VCENTER}",
    "ROLES/ROLE": "HOST_AFFINED HOST_ANTI_AFFINED POLICY",
    "AR_POOL/AR": f"{_ADDRESSES} ALLOCATED PARENT_NETWORK_AR_ID PORT_START PORT_SIZE VN_MAD MAC_END LEASES",
    "LEASES/LEASE": "IP IP6 IP6_GLOBAL IP6_LINK IP6_ULA VM VNET VROUTER",
    "VNET": "LOCK BRIDGE_TYPE VLAN_ID OUTER_VLAN_ID",
    "ZONE/SERVER_POOL/SERVER": "STATE TERM VOTEDFOR COMMIT LOG_INDEX FEDLOG_INDEX",
}
"""What an element may lack, besides what it may have several of; ``*`` is everything."""

MORE = {
    "HOOK": "LOCK",
    # Only of one that is disabled, as releases after 6.0.0 write it.
    "MARKETPLACE": "STATE",
    "MONITORING_DATA/MONITORING": "CAPACITY SYSTEM",
    "ROLES/ROLE": "VMS",
    "RULE": "RANGE IP SIZE ICMP_TYPE ICMPV6_TYPE NETWORK_ID",
    # What a user writes into them.
    "AR_POOL/AR": "*",
    "ZONE/TEMPLATE": "*",
}
"""What an element has that the bindings do not know."""

ANY_ORDER = {"USER_POOL", "GROUP_POOL", "VM/MONITORING", "MONITORING_DATA/MONITORING", "HOST_SHARE/DATASTORES"}
"""Elements whose children stand in any order."""

LOOSE = {"OPENNEBULA_CONFIGURATION"}
"""Documents that have what the file has that they show."""
