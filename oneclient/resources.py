"""The table RESOURCE x VERB: what each command takes and which method it becomes (notation: :mod:`oneclient.table`)."""

from oneclient.table import Resource, Verb

_LEVEL = "level!1!use=1,manage=2,admin=3,all=4"
_MACHINE = (
    "[file] -n/--name>NAME --cpu>CPU --vcpu>VCPU --memory=size>MEMORY --disk=disks>DISK --nic=nics>NIC"
    " --vnc=graphics>GRAPHICS"
)
_NIC = "[file] --network=vnet>NETWORK_ID --ip>IP --mac>MAC"


def _base(prefix: str, create: Verb, *, rename: bool = True) -> tuple[Verb, ...]:
    """What every type of object has."""
    verbs = (
        create,
        Verb(
            "update", "id [file] -a/--append", f"{prefix}.update", "@id = @append", "Replace its template, or add."
        ),
        Verb("delete", "ids", f"{prefix}.delete", "@ids", "Delete them."),
    )
    return (*verbs, Verb("rename", "id name", f"{prefix}.rename", "@id @name", "Rename it.")) if rename else verbs


def _owned(prefix: str, *, lock: bool = True, recursive: bool = False) -> tuple[Verb, ...]:
    """What objects with an owner and permissions have besides."""
    verbs = (
        Verb("chown", "ids user:user [group:group]", f"{prefix}.chown", "@ids @user @group", "Change the owner."),
        Verb("chgrp", "ids group:group", f"{prefix}.chown", "@ids -1 @group", "Change the group."),
        Verb(
            "chmod", "ids octal --recursive", f"{prefix}.chmod", "@ids @octal @recursive", "Set permissions: 640."
        )
        if recursive
        else Verb("chmod", "ids octal", f"{prefix}.chmod", "@ids @octal", "Set permissions: 640."),
    )
    if not lock:
        return verbs
    return (
        *verbs,
        Verb(
            "lock",
            f"ids {_LEVEL}",
            f"{prefix}.lock",
            "@ids @level",
            "Lock them: use, manage, admin or all actions.",
        ),
        Verb("unlock", "ids", f"{prefix}.unlock", "@ids", "Unlock them."),
    )


def _switch(prefix: str) -> tuple[Verb, ...]:
    return (
        Verb("enable", "ids", f"{prefix}.enable", "@ids true", "Enable them."),
        Verb("disable", "ids", f"{prefix}.enable", "@ids false", "Disable them."),
    )


def _quotas(prefix: str) -> tuple[Verb, ...]:
    return (
        Verb("quota", "id [file]", f"{prefix}.quota", "@id =", "Set quotas."),
        Verb("batchquota", "ids [file]", f"{prefix}.quota", "@ids =", "Set the same quotas for several."),
        Verb("defaultquota", "[file]", f"{prefix}quota.update", "=", "Set the quotas of all who have none."),
    )


def _create(prefix: str, takes: str = "[file]", sends: str = "=") -> Verb:
    return Verb("create", takes, f"{prefix}.allocate", sends, "Create one from a template.", "ID")


def _members(prefix: str, kinds: str, takes: str, sends: str) -> tuple[Verb, ...]:
    """add... and del... for each of ``kinds``."""
    return tuple(
        Verb(
            f"{do}{kind}",
            takes.format(kind=kind),
            f"{prefix}.{do}{kind}",
            sends.format(kind=kind),
            f"{text} a {kind}.",
        )
        for kind in kinds.split()
        for do, text in (("add", "Add"), ("del", "Take away"))
    )


def _act(name: str, help_text: str, *, hard: bool = False) -> Verb:
    """A verb of ``one.vm.action``."""
    return Verb(name, "ids --hard" if hard else "ids", "vm.action", f"+{name} @ids", help_text)


_VM = (
    _create("vm", f"{_MACHINE} --hold", "= @hold"),
    _act("terminate", "End them; nothing is kept.", hard=True),
    _act("poweroff", "Power them off; they stay on their host.", hard=True),
    _act("undeploy", "Shut them down and take them off their host.", hard=True),
    _act("reboot", "Reboot them.", hard=True),
    _act("resume", "Run them again."),
    _act("hold", "Do not schedule them."),
    _act("release", "Schedule them again."),
    _act("stop", "Save their state and take them off their host."),
    _act("suspend", "Save their state; they stay on their host."),
    _act("resched", "Ask the scheduler for another host."),
    _act("unresched", "Ask for none any more."),
    Verb("deploy", "ids host:host [datastore:datastore] --enforce", "vm.deploy",
         "@ids @host @enforce @datastore ''", "Run them on a host."),
    Verb("migrate", "ids host:host [datastore:datastore] --live --enforce kind!0!poff=1,poff-hard=2", "vm.migrate",
         "@ids @host @live @enforce @datastore @kind", "Move them to another host."),
    Verb("recover", "ids how!!failure=0,success=1,retry=2,delete=3,recreate=4,delete-db=5", "vm.recover",
         "@ids @how", "Decide how what hangs has ended."),
    Verb("delete", "ids", "vm.recover", "@ids 3", "Remove them at once, in whatever state they are."),
    Verb("rename", "id name", "vm.rename", "@id @name", "Give it another name."),
    Verb("update", "id [file] -a/--append", "vm.update", "@id = @append", "Replace its user template, or add to it."),
    Verb("updateconf", "id [file]", "vm.updateconf", "@id =", "Change OS, FEATURES, CONTEXT ..."),
    Verb("resize", "id --cpu>CPU --vcpu>VCPU --memory=size>MEMORY --enforce", "vm.resize", "@id = @enforce",
         "Change its capacity."),
    Verb("disk-attach", "id [file] -i/--image=image>IMAGE_ID --type>TYPE --size=size>SIZE --format>FORMAT"
         " --target>TARGET --prefix>DEV_PREFIX --cache>CACHE", "vm.attach", "@id =DISK", "Attach a disk."),
    Verb("disk-detach", "id disk:int", "vm.detach", "@id @disk", "Detach a disk."),
    Verb("disk-saveas", "id disk:int name --type=text --snapshot=int", "vm.disksaveas",
         "@id @disk @name @type @snapshot", "Save a disk as a new image.", "Image ID"),
    Verb("disk-resize", "id disk:int size:size", "vm.diskresize", "@id @disk @size", "Make a disk larger: MB or 10G."),
    Verb("disk-snapshot-create", "id disk:int name", "vm.disksnapshotcreate", "@id @disk @name", "Snapshot a disk."),
    Verb("disk-snapshot-revert", "id disk:int snapshot:int", "vm.disksnapshotrevert", "@id @disk @snapshot",
         "Go back to a snapshot of a disk."),
    Verb("disk-snapshot-delete", "id disk:int snapshot:int", "vm.disksnapshotdelete", "@id @disk @snapshot",
         "Delete a snapshot of a disk."),
    Verb("disk-snapshot-rename", "id disk:int snapshot:int name", "vm.disksnapshotrename",
         "@id @disk @snapshot @name", "Rename a snapshot of a disk."),
    Verb("nic-attach", f"id {_NIC}", "vm.attachnic", "@id =NIC", "Attach a network interface."),
    Verb("nic-detach", "id nic:int", "vm.detachnic", "@id @nic", "Detach a network interface."),
    Verb("snapshot-create", "ids [name]", "vm.snapshotcreate", "@ids @name", "Snapshot the whole machine."),
    Verb("snapshot-revert", "id snapshot:int", "vm.snapshotrevert", "@id @snapshot", "Go back to a snapshot."),
    Verb("snapshot-delete", "id snapshot:int", "vm.snapshotdelete", "@id @snapshot", "Delete a snapshot."),
    *_owned("vm"),
)  # fmt: skip

_HOST = (
    *_base("host", Verb("create", "name -i/--im=text:kvm -v/--vm=text:kvm -c/--cluster=cluster", "host.allocate",
                        "@name @im @vm @cluster", "Add a host by its name.", "ID")),
    Verb("enable", "ids", "host.status", "@ids 0", "Use them."),
    Verb("disable", "ids", "host.status", "@ids 1", "Do not schedule on them; watch them."),
    Verb("offline", "ids", "host.status", "@ids 2", "Neither schedule on them nor watch them."),
)  # fmt: skip

_IMAGE = (
    *_base("image", _create("image", "[file] -d/--datastore=datastore --no-check-capacity"
           " -n/--name>NAME --path>PATH --type>TYPE --size=size>SIZE --persistent=flag>PERSISTENT"
             " --description>DESCRIPTION --prefix>DEV_PREFIX --source>SOURCE --format>FORMAT",
           "= @datastore @no_check_capacity")),
    *_owned("image"),
    *_switch("image"),
    Verb("persistent", "ids", "image.persistent", "@ids true", "Keep what machines write into them."),
    Verb("nonpersistent", "ids", "image.persistent", "@ids false", "Give each machine a copy."),
    Verb("chtype", "ids type:text", "image.chtype", "@ids @type", "OS, CDROM, DATABLOCK, KERNEL, RAMDISK or CONTEXT."),
    Verb("clone", "id name -d/--datastore=datastore", "image.clone", "@id @name @datastore", "Copy it.", "ID"),
    Verb("snapshot-delete", "id snapshot:int", "image.snapshotdelete", "@id @snapshot", "Delete a snapshot."),
    Verb("snapshot-revert", "id snapshot:int", "image.snapshotrevert", "@id @snapshot", "Go back to a snapshot."),
    Verb("snapshot-flatten", "id snapshot:int", "image.snapshotflatten", "@id @snapshot", "Keep only this snapshot."),
)  # fmt: skip

_VNET = (
    *_base("vn", _create("vn", "[file] -c/--cluster=cluster -n/--name>NAME", "= @cluster")),
    *_owned("vn"),
    Verb("addar", "id [file] --ip>IP --mac>MAC --size>SIZE --type>TYPE", "vn.add_ar", "@id =AR", "Add addresses."),
    Verb("rmar", "id ar:int --force", "vn.rm_ar", "@id @ar @force", "Remove an address range."),
    Verb("updatear", "id ar:int>AR_ID [file]", "vn.update_ar", "@id =AR", "Change an address range."),
    Verb("free", "id ar:int --force", "vn.free_ar", "@id @ar @force", "Give a reserved address range back."),
    Verb("hold", "id ip:text>IP", "vn.hold", "@id =LEASES", "Keep an address from being used."),
    Verb("release", "id ip:text>IP", "vn.release", "@id =LEASES", "Let an address be used again."),
    Verb("reserve", "id [vnet:vnet>NETWORK_ID] -n/--name>NAME -s/--size>SIZE --ar>AR_ID --ip>IP --mac>MAC",
         "vn.reserve", "@id =", "Put addresses into a network of your own.", "Reservation VNET ID"),
)  # fmt: skip

_TEMPLATE = (
    _create("template", _MACHINE),
    Verb("update", "id [file] -a/--append", "template.update", "@id = @append", "Replace its template, or add."),
    Verb("rename", "id name", "template.rename", "@id @name", "Rename it."),
    Verb("delete", "ids --recursive", "template.delete", "@ids @recursive", "Delete them; with their images."),
    *_owned("template", recursive=True),
    Verb("clone", "id name --recursive", "template.clone", "@id @name @recursive", "Copy it; with its images.", "ID"),
    Verb("instantiate", "id [file] -n/--name=text -m/--multiple=times:1 --hold --persistent --cpu>CPU --vcpu>VCPU"
         " --memory=size>MEMORY --disk=disks>DISK --nic=nics>NIC --user-inputs/--user_inputs=inputs>USER_INPUTS",
         "template.instantiate", "@id @name @hold =? @persistent",
         "Make a virtual machine of it, or several (%i in --name is their number).", "VM ID"),
)  # fmt: skip

_VNTEMPLATE = (
    *_base("vntemplate", _create("vntemplate", "[file] -n/--name>NAME")),
    *_owned("vntemplate"),
    Verb("clone", "id name", "vntemplate.clone", "@id @name", "Copy it.", "ID"),
    Verb("instantiate", "id [file] -n/--name=text", "vntemplate.instantiate", "@id @name =?",
         "Make a virtual network of it.", "VNET ID"),
)  # fmt: skip

_USER = (
    *_base("user", Verb("create", "name --new-password-file=secret --driver=text:core", "user.allocate",
                        "@name @new_password_file @driver", "Create a user.", "ID"), rename=False),
    Verb("passwd", "id --new-password-file=secret", "user.passwd", "@id @new_password_file", "Change the password."),
    Verb("chgrp", "ids group:group", "user.chgrp", "@ids @group", "Change the primary group."),
    Verb("addgroup", "ids group:group", "user.addgroup", "@ids @group", "Add a secondary group."),
    Verb("delgroup", "ids group:group", "user.delgroup", "@ids @group", "Take a secondary group away."),
    Verb("chauth", "id driver:text --new-password-file=secret?", "user.chauth", "@id @driver @new_password_file",
         "Change how the user logs in."),
    *_quotas("user"),
    Verb("umask", "ids mask:text>UMASK", "user.update", "@ids = 1", "Set the permissions that new objects lack: 137."),
    *(Verb(name, "[name:login] --time=period:36000 --group=group", "user.login", "@name '' @time @group",
           "Make a login token for a time (seconds, -1 for ever), and print it as a credential file has it.", "@name")
      for name in ("token-create", "login")),
    Verb("token-delete", "[name:login] --token-file=secret", "user.login", "@name @token_file 0",
         "Let a login token expire."),
    Verb("token-delete-all", "name", "user.login", "@name '' 0", "Let all login tokens of a user expire."),
    *_switch("user"),
)  # fmt: skip

_GROUP = (
    *_base("group", Verb("create", "name", "group.allocate", "@name", "Create a group.", "ID"), rename=False),
    *_members("group", "admin", "ids user:user", "@ids @user"),
    *_quotas("group"),
)

_CLUSTER = (
    *_base("cluster", Verb("create", "name", "cluster.allocate", "@name", "Create a cluster.", "ID")),
    *_members("cluster", "host datastore vnet", "id {kind}:{kind}", "@id @{kind}"),
)

_VDC = (
    *_base("vdc", _create("vdc", "name:text>NAME")),
    *_members("vdc", "group", "ids group:group", "@ids @group"),
    *_members("vdc", "cluster host datastore vnet", "ids zone:zone {kind}:{kind}*", "@ids @zone @{kind}"),
)

_ACL = (
    Verb("create", "rule", "acl.addrule", "@rule", 'Add a rule: "@1 VM+IMAGE/* USE+CREATE [ZONE]".', "ID"),
    Verb("delete", "ids", "acl.delrule", "@ids", "Remove rules."),
)

_MARKETAPP = (
    *_base("marketapp", _create("marketapp", "[file] --market=market -n/--name>NAME --image=image>ORIGIN_ID"
                                " --type>TYPE --description>DESCRIPTION", "= @market")),
    *_owned("marketapp"),
    *_switch("marketapp"),
    Verb("export", "app:marketapp>FROM_APP name:text>NAME -d/--datastore=datastore", "image.allocate",
         "= @datastore false", "Make an image of it.", "Image ID"),
)  # fmt: skip

_VROUTER = (
    *_base("vrouter", _create("vrouter", "[file] -n/--name>NAME")),
    *_owned("vrouter"),
    Verb("instantiate", "id template:template [file] -m/--multiple=int:1 -n/--name=text --hold", "vrouter.instantiate",
         "@id @multiple @template @name @hold =?", "Make its virtual machines.", "VM ID"),
    Verb("nic-attach", f"id {_NIC}", "vrouter.attachnic", "@id =NIC", "Attach a network interface."),
    Verb("nic-detach", "id nic:int", "vrouter.detachnic", "@id @nic", "Detach a network interface."),
)  # fmt: skip

_RESOURCES = (
    Resource("vm", "vm", "vmpool", "VIRTUAL MACHINE", _VM, True, (-1,)),
    Resource("host", "host", "hostpool", "HOST", _HOST),
    Resource("cluster", "cluster", "clusterpool", "CLUSTER", _CLUSTER),
    Resource("datastore", "datastore", "datastorepool", "DATASTORE", (
        *_base("datastore", _create("datastore", "[file] -c/--cluster=cluster -n/--name>NAME", "= @cluster")),
        *_owned("datastore", lock=False), *_switch("datastore"))),
    Resource("image", "image", "imagepool", "IMAGE", _IMAGE, True),
    Resource("vnet", "vn", "vnpool", "VIRTUAL NETWORK", _VNET, True),
    Resource("secgroup", "secgroup", "secgrouppool", "SECURITY GROUP", (
        *_base("secgroup", _create("secgroup")), *_owned("secgroup", lock=False),
        Verb("clone", "id name", "secgroup.clone", "@id @name", "Copy it.", "ID"),
        Verb("commit", "id --recovery", "secgroup.commit", "@id @recovery", "Bring it to its machines.")), True),
    Resource("template", "template", "templatepool", "TEMPLATE", _TEMPLATE, True),
    Resource("vntemplate", "vntemplate", "vntemplatepool", "VN TEMPLATE", _VNTEMPLATE, True),
    Resource("user", "user", "userpool", "USER", _USER),
    Resource("group", "group", "grouppool", "GROUP", _GROUP),
    Resource("acl", "acl", "acl", "ACL", _ACL),
    Resource("vdc", "vdc", "vdcpool", "VDC", _VDC),
    Resource("zone", "zone", "zonepool", "ZONE", _base("zone", _create("zone"))),
    Resource("document", "document", "documentpool", "DOCUMENT", (
        *_base("document", _create("document", "[file] --type=int:0 -n/--name>NAME", "= @type")), *_owned("document"),
        Verb("clone", "id name", "document.clone", "@id @name", "Copy it.", "ID")), True, (0,)),
    Resource("market", "market", "marketpool", "MARKETPLACE", (
        *_base("market", _create("market")), *_owned("market", lock=False), *_switch("market"))),
    Resource("marketapp", "marketapp", "marketapppool", "MARKETPLACE APP", _MARKETAPP, True),
    Resource("hook", "hook", "hookpool", "HOOK", (
        *_base("hook", _create("hook")), *_owned("hook")[-2:],
        Verb("retry", "id execution:int", "hook.retry", "@id @execution", "Run an execution of its log once more.")),
        True),
    Resource("vrouter", "vrouter", "vrouterpool", "VIRTUAL ROUTER", _VROUTER, True),
    Resource("vmgroup", "vmgroup", "vmgrouppool", "VM GROUP", (
        *_base("vmgroup", _create("vmgroup")), *_owned("vmgroup")), True),
)  # fmt: skip

RESOURCES: dict[str, Resource] = {resource.name: resource for resource in _RESOURCES}
