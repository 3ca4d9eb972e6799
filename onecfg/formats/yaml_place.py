"""Places in a YAML file that a path can lead to."""

from dataclasses import dataclass

from onecfg.formats.yaml_data import has
from onecfg.formats.yaml_tree import Node
from onecfg.model import ChangeError, Data, Key, PlaceError, Symbol, Tagged

_RUBY = {
    dict: "Hash",
    list: "Array",
    str: "String",
    bool: "Boolean",
    int: "Integer",
    float: "Float",
    Symbol: "Symbol",
    Tagged: "Object",
}


def label(key: Key) -> str:
    """A key for messages; a symbol with its colon."""
    return f":{key.name}" if isinstance(key, Symbol) else str(key)


@dataclass(frozen=True, slots=True)
class Place:
    """A node, the key that it is the value of (none for the root), and whether that is inside ``{}`` or ``[]``."""

    node: Node
    key: Node | None = None
    in_flow: bool = False

    @property
    def target(self) -> Node:
        """The node itself, or the one that it is an alias of."""
        return self.node.resolved()

    @property
    def type_name(self) -> str:
        """The type of the data as Ruby calls it."""
        data = self.target.data
        return "NilClass" if data is None else _RUBY[type(data)]

    def child(self, key: Key) -> "Place | None":
        """The value of ``key`` in this mapping; of a key that stands twice the last, as loaders take it."""
        target = self.target
        found = target.pair(key)
        return found and Place(found[1], found[0], target.style == "flow")

    def mapping(self) -> dict[Key, Data]:
        """The data of a mapping. Raises ``PlaceError`` when the node is something else."""
        data = self.target.data
        if isinstance(data, dict):
            return data
        todo = "Set the key above it; elements of a list have no path."
        if self.key is None:
            todo = "The file has no keys: replace it by set / {...}."
        raise PlaceError(f"Expected Hash but got {self.type_name}.", todo=todo)

    def items(self) -> list[Data]:
        """The data of a list. Raises ``PlaceError`` when the node is something else."""
        data = self.target.data
        if isinstance(data, list):
            return data
        raise PlaceError(f"Expected Array but got {self.type_name}.", todo="Name a list, or a key in the mapping.")

    def refuse_merged(self, key: Key) -> None:
        """Raise ``ChangeError`` when ``key`` is in this mapping, though none of its pairs has it."""
        if has(self.mapping(), key):
            raise ChangeError(
                f"'{label(key)}' comes from another mapping (<<).",
                todo="Set it as a whole here, or change it there.",
            )
