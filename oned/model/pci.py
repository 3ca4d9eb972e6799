"""PCI devices of a host, and those a virtual machine asks for: vectors with VENDOR, DEVICE and CLASS in hexadecimal."""

from collections.abc import Iterable

Device = dict[str, str]

FREE = "-1"
"""VMID of a device that nobody uses."""

_IDENTITY = ("VENDOR", "DEVICE", "CLASS")
_ADDRESS = ("DOMAIN", "BUS", "SLOT", "FUNCTION", "ADDRESS")


def _code(text: str) -> int | None:
    try:
        return int(text, 16)
    except ValueError:
        return None


def _wanted(device: Device) -> dict[str, int | None]:
    """What is asked for, None where that is no hexadecimal number."""
    return {key: _code(device[key]) for key in _IDENTITY if device.get(key)}


def _suits(device: Device, wanted: dict[str, int | None]) -> bool:
    return all(code is not None and _code(device.get(key, "") or "0") == code for key, code in wanted.items())


def _by_address(devices: Iterable[Device]) -> list[Device]:
    return sorted(devices, key=lambda device: device.get("ADDRESS", ""))


def fits(devices: list[Device], asked: list[Device]) -> bool:
    """Whether a free device is there for each one asked for."""
    free = [device for device in _by_address(devices) if device.get("VMID", FREE) == FREE]
    for request in asked:
        wanted = _wanted(request)
        if all(code is None for code in wanted.values()):
            return False
        found = next((device for device in free if _suits(device, wanted)), None)
        if found is None:
            return False
        free.remove(found)
    return True


def assign(devices: list[Device], asked: list[Device], vm_id: int) -> None:
    """Give devices to a virtual machine; each request gets the address of its device and loses the one before.

    The one before stays in PREV_ADDRESS until it is freed: while a machine migrates it holds both.
    """
    for request in asked:
        wanted = _wanted(request)
        free = (device for device in _by_address(devices) if device.get("VMID", FREE) == FREE)
        found = next((device for device in free if _suits(device, wanted)), None)
        if found is None:
            continue
        found["VMID"] = str(vm_id)
        before = request.get("ADDRESS", "")
        _locate(request, found)
        if before:
            request["PREV_ADDRESS"] = before


def _locate(request: Device, device: Device) -> None:
    for key in _ADDRESS:
        request[key] = device.get(key, "")
    if device.get("NUMA_NODE", FREE) not in {"", FREE}:
        request["NUMA_NODE"] = device["NUMA_NODE"]


def release(devices: list[Device], asked: list[Device], vm_id: int) -> None:
    """Free the devices of a virtual machine: the one it left when it migrated, else the one it has."""
    held = {device.get("ADDRESS", ""): device for device in devices if device.get("VMID") == str(vm_id)}
    for request in asked:
        for key in ("PREV_ADDRESS", "ADDRESS"):
            device = held.get(request.get(key, ""))
            if device is not None:
                device["VMID"] = FREE
                del request[key]
                break


def revert(devices: list[Device], asked: list[Device]) -> None:
    """Point the requests to the devices they had before a migration that failed."""
    known = {device.get("ADDRESS", ""): device for device in devices}
    for request in asked:
        device = known.get(request.get("PREV_ADDRESS", ""))
        if device is not None:
            _locate(request, device)
            del request["PREV_ADDRESS"]


def monitored(devices: list[Device], reported: list[Device]) -> list[Device]:
    """The devices after a report: new ones are added, missing ones kept only while a machine uses them."""
    named = {device["ADDRESS"]: device for device in reported if device.get("ADDRESS")}
    kept = [d for d in devices if d.get("ADDRESS", "") in named or d.get("VMID", FREE) != FREE]
    known = {device.get("ADDRESS", "") for device in kept}
    new = [{"VMID": FREE} | device for address, device in named.items() if address not in known]
    return kept + new
