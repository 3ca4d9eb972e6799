"""Templates of virtual machines: OS/BOOT in the form of releases before 5.0, which names kinds of devices."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from sqlalchemy import select

from oned.database.schema import image_pool, user_pool
from oned.errors import InternalError
from oned.model.image import Image, ImageType
from oned.model.template import VmTemplate
from onedb.fsck.finding import Finding, unrepaired
from onedb.fsck.records import Records

_DEPRECATED = re.compile(r"fd|hd|cdrom|network", re.IGNORECASE)
_KINDS = {"hd": {ImageType.OS, ImageType.DATABLOCK}, "cdrom": {ImageType.CDROM}}


def check(records: Records) -> Iterator[Finding]:
    """Every template."""
    for template, _ in records.objects(VmTemplate):
        system = template.template.vector("OS")
        boot = system.get("BOOT", "")
        if not _DEPRECATED.search(boot):
            continue
        start = f'VM Template {template.oid} OS/BOOT contains deprecated format "{boot}"'
        devices, problems = _devices(records, template, boot)
        for problem in problems:
            yield unrepaired(f"{start}, but {problem}")
        if not problems:
            system["BOOT"] = ",".join(devices)
            yield Finding(f"{start}, is was updated to {system['BOOT']}")
            records.save(template)


def _devices(records: Records, template: VmTemplate, boot: str) -> tuple[list[str], list[str]]:
    """The devices in today's form, and why some have none."""
    counts: dict[str, int] = defaultdict(int)
    devices, problems = [], []
    for word in (part.strip().lower() for part in boot.split(",")):
        index = counts[word]
        counts[word] += 1
        if word == "network":
            devices.append(f"nic{index}")
        elif word in _KINDS:
            disk = _disk(records, template, word, index)
            if disk is None:
                problems.append(f"DISK #{index} of type {word} could not be found to fix it automatically")
            else:
                devices.append(f"disk{disk}")
        elif word == "fd":
            problems.append('"fd" is not supported anymore and can\'t be fixed automatically')
        else:
            problems.append("it can't be parsed to be fixed automatically")
    return devices, problems


def _disk(records: Records, template: VmTemplate, kind: str, index: int) -> int | None:
    """The number of the disk that is the one with ``index`` of its kind."""
    matching = [
        number
        for number, disk in enumerate(template.template.vectors("DISK"))
        if _type_of(records, disk, template.uid) in _KINDS[kind]
    ]
    return matching[index] if index < len(matching) else None


def _type_of(records: Records, disk: Mapping[str, str], uid: int) -> ImageType | None:
    """The type of a disk's image, None when it has none."""
    query = select(image_pool.c.body)
    if disk.get("IMAGE_ID"):
        if not disk["IMAGE_ID"].isdecimal():
            return None
        query = query.where(image_pool.c.oid == int(disk["IMAGE_ID"]))
    elif disk.get("IMAGE"):
        query = query.where(image_pool.c.name == disk["IMAGE"], image_pool.c.uid == _owner(records, disk, uid))
    else:
        return None
    body = records.connection.execute(query).scalar()
    try:
        return None if body is None else Image.from_xml(str(body)).type
    except InternalError:
        return None


def _owner(records: Records, disk: Mapping[str, str], uid: int) -> int:
    if disk.get("IMAGE_UID", "").isdecimal():
        return int(disk["IMAGE_UID"])
    if not disk.get("IMAGE_UNAME"):
        return uid
    found = records.connection.execute(
        select(user_pool.c.oid).where(user_pool.c.name == disk["IMAGE_UNAME"])
    ).scalar()
    return -1 if found is None else int(found)
