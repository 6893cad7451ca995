"""HTML that is escaped unless it was made here, so that no file name can break or command a page (ours)."""

from html import escape

EMPTY = frozenset({"img", "meta"})
"""Tags that have no end in HTML; those of drawings have one."""


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """A tag around its children: `Markup` as it is, any other text escaped.

    An attribute's trailing underscore is dropped (`class_`) and other underscores are hyphens (`data_k0`). True stands
    alone, None and False are left out.
    """
    words = [tag]
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        name = name.rstrip("_").replace("_", "-")
        words.append(name if value is True else f'{name}="{escape(str(value), quote=True)}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if tag in EMPTY else f"{opening}{join(*children)}</{tag}>")


def join(*children: str) -> Markup:
    """Children one after the other, escaped unless they are `Markup`."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child, quote=False) for child in children))
