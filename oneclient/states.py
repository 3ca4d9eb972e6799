"""Names of states and types, by number; the numbers, names and short names are OpenNebula 6.0's."""

_VM = {
    0: "init",
    1: "pend",
    2: "hold",
    4: "stop",
    5: "susp",
    6: "done",
    8: "poff",
    9: "unde",
    10: "clon",
    11: "fail",
}
_ACTIVE = 3
_LCM = {
    "prol": (1, 9, 31),
    "boot": (2, 19, 20, 21, 22, 32, 35),
    "runn": (3,),
    "migr": (4, 8, 43, 45, 60),
    "save": (5, 6, 7),
    "epil": (10, 11, 30),
    "shut": (12, 18, 29),
    "clea": (15, 23),
    "unkn": (16,),
    "hotp": (17, 25, 26, 27, 28, 33, 34, 65, 66, 67, 68),
    "snap": (24, 51, 52, 53, 54, 55, 56, 57, 58, 59),
    "fail": (14, 36, 37, 38, 39, 40, 41, 42, 44, 46, 47, 48, 49, 50, 61),
    "drsz": (62, 63, 64),
}
_LCM_BY_NUMBER = {number: name for name, numbers in _LCM.items() for number in numbers}
SHORT = {
    "host": ("init", "update", "on", "err", "dsbl", "retry", "init", "dsbl", "off"),
    "image": ("init", "rdy", "used", "disa", "lock", "err", "clon", "dele", "used", "lock", "lock"),
    "image_type": ("OS", "CD", "DB", "KL", "RD", "CX"),
    "datastore": ("on", "off"),
    "datastore_type": ("img", "sys", "fil"),
    "marketapp": ("ini", "rdy", "lck", "err", "dis"),
    "marketapp_type": ("unk", "img", "tpl", "srv"),
}

_ACTIONS = (
    "none migrate live-migrate shutdown shutdown-hard undeploy undeploy-hard hold release stop suspend resume boot "
    "delete delete-recreate reboot reboot-hard resched unresched poweroff poweroff-hard disk-attach disk-detach "
    "nic-attach nic-detach disk-snapshot-create disk-snapshot-delete terminate terminate-hard disk-resize deploy chown "
    "chmod updateconf rename resize update snapshot-create snapshot-delete snapshot-revert disk-saveas "
    "disk-snapshot-revert recover retry monitor disk-snapshot-rename alias-attach alias-detach poweroff-migrate "
    "poweroff-hard-migrate"
)
_HISTORY_ACTIONS = tuple(_ACTIONS.split())


def history_action(number: int) -> str:
    """What ended a record of the history."""
    return _HISTORY_ACTIONS[number] if 0 <= number < len(_HISTORY_ACTIONS) else str(number)


def vm_state(state: int, lcm: int) -> str:
    """The column ``STAT`` of a virtual machine."""
    return _LCM_BY_NUMBER.get(lcm, "actv") if state == _ACTIVE else _VM.get(state, "fail")


def short(kind: str, number: int) -> str:
    """The short name of a state or type; the number itself where none is known."""
    names = SHORT[kind]
    return names[number] if 0 <= number < len(names) else str(number)
