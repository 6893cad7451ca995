"""Restricted YAML for settings: plain values, lists and groups, no larger in memory than their text implies (ours).

Aliases are refused, because a few of them can expand to gigabytes; so are tags and deep nesting. Dates stay strings.
"""

from collections import Counter
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionStartEvent, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode

from cmmd.errors import InputError
from cmmd.files.foreign_files import reason

LARGEST = 2**20
"""Largest length of a text in characters; a configuration is far shorter."""
DEEPEST = 20
"""Largest nesting depth of groups and lists."""
LONGEST_NUMBER = 100
"""Largest number of digits of an integer."""
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _PlainLoader(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event = self.peek_event()
        if isinstance(event, AliasEvent):
            raise yaml.YAMLError(f"an alias, *{event.anchor}, which is not read here")
        if isinstance(event, CollectionStartEvent | ScalarEvent) and event.tag is not None:
            raise yaml.YAMLError(f"a tag, {event.tag}, which is not read here")
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} groups within each other")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        values = super().construct_mapping(node, deep=deep)
        if len(values) < len(node.value):
            key, _ = Counter(str(key.value) for key, _ in node.value).most_common(1)[0]
            raise yaml.YAMLError(f"the key {key!r:.60} twice")
        return values

    def construct_yaml_int(self, node: ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise yaml.YAMLError(f"a number of {len(node.value)} digits")
        return super().construct_yaml_int(node)


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)
_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(text: str, source: str, *, what: str = "is not YAML") -> Any:
    """Parses a YAML text. Raises InputError of one line, which begins with `source` and `what` and gives the reason."""
    if len(text) > LARGEST:
        raise InputError(f"{source}: {what} ({len(text)} characters, expected {LARGEST} at most)")
    try:
        return yaml.load(text, _PlainLoader)
    except Exception as error:  # the parser raises many types of exceptions for untrusted text
        raise InputError(f"{source}: {what} ({reason(error)})") from error
