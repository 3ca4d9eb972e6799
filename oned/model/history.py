"""Records of the history of a virtual machine: a stay on a host, from its prolog to its epilog.

They live in the table ``history``, together with the virtual machine as it was; its body repeats the last one.
"""

from dataclasses import dataclass, field
from typing import Self

from oned.model.base import escape, number, parse_body
from oned.model.vm_states import Action
from onelib.template_xml import Element, text_of


@dataclass
class History:
    """One record. Times are epoch seconds, 0 where that part has not begun or not ended.

    ``action`` is what ended it, asked for by ``uid``, ``gid`` in the request ``request_id`` (-1: by the server).
    ``stored`` is the record as the table has it, empty for a new one.
    """

    oid: int
    seq: int
    hostname: str
    hid: int
    cid: int
    vm_mad: str
    tm_mad: str
    ds_id: int
    stime: int = 0
    etime: int = 0
    pstime: int = 0
    petime: int = 0
    rstime: int = 0
    retime: int = 0
    estime: int = 0
    eetime: int = 0
    action: int = Action.NONE
    uid: int = -1
    gid: int = -1
    request_id: int = -1
    stored: str = field(default="", repr=False, compare=False)

    @classmethod
    def from_element(cls, element: Element) -> Self:
        """The record in an element HISTORY."""
        record = cls(
            oid=number(element, "OID"),
            seq=number(element, "SEQ"),
            hostname=text_of(element.find("HOSTNAME")),
            hid=number(element, "HID"),
            cid=number(element, "CID"),
            vm_mad=text_of(element.find("VM_MAD")),
            tm_mad=text_of(element.find("TM_MAD")),
            ds_id=number(element, "DS_ID", 0),
            action=number(element, "ACTION", 0),
            uid=number(element, "UID"),
            gid=number(element, "GID"),
            request_id=number(element, "REQUEST_ID"),
        )
        for name in _TIMES:
            setattr(record, name.lower(), number(element, name, 0))
        record.stored = record.to_xml()
        return record

    @classmethod
    def from_xml(cls, body: str) -> Self:
        """The record in a body of the table. Raises :class:`oned.errors.InternalError`."""
        return cls.from_element(parse_body(body, "HISTORY"))

    def to_xml(self, vm_xml: str = "") -> str:
        """The element HISTORY; the table has the virtual machine ``vm_xml`` in it."""
        return (
            f"<HISTORY><OID>{self.oid}</OID><SEQ>{self.seq}</SEQ><HOSTNAME>{escape(self.hostname)}</HOSTNAME>"
            f"<HID>{self.hid}</HID><CID>{self.cid}</CID><STIME>{self.stime}</STIME><ETIME>{self.etime}</ETIME>"
            f"<VM_MAD>{escape(self.vm_mad)}</VM_MAD><TM_MAD>{escape(self.tm_mad)}</TM_MAD><DS_ID>{self.ds_id}</DS_ID>"
            f"<PSTIME>{self.pstime}</PSTIME><PETIME>{self.petime}</PETIME>"
            f"<RSTIME>{self.rstime}</RSTIME><RETIME>{self.retime}</RETIME>"
            f"<ESTIME>{self.estime}</ESTIME><EETIME>{self.eetime}</EETIME>"
            f"<ACTION>{int(self.action)}</ACTION><UID>{self.uid}</UID><GID>{self.gid}</GID>"
            f"<REQUEST_ID>{self.request_id}</REQUEST_ID>{vm_xml}</HISTORY>"
        )

    def short_xml(self) -> str:
        """What lists of virtual machines show."""
        return (
            f"<HISTORY><OID>{self.oid}</OID><SEQ>{self.seq}</SEQ><HOSTNAME>{escape(self.hostname)}</HOSTNAME>"
            f"<HID>{self.hid}</HID><CID>{self.cid}</CID><DS_ID>{self.ds_id}</DS_ID>"
            f"<ACTION>{int(self.action)}</ACTION></HISTORY>"
        )


_TIMES = ("STIME", "ETIME", "PSTIME", "PETIME", "RSTIME", "RETIME", "ESTIME", "EETIME")
