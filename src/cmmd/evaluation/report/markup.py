"""HTML builder that escapes all text not created here, so that file names cannot inject markup (ours)."""

from html import escape

EMPTY = frozenset({"img", "meta"})
"""HTML tags without an end tag; SVG tags have one."""


class Markup(str):
    """Text that is already HTML."""

    __slots__ = ()


def element(tag: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """Returns a tag with its children; `Markup` is inserted unchanged, other text is escaped.

    A trailing underscore of an attribute name is dropped (`class_`), other underscores become hyphens (`data_k0`). True
    gives an attribute without a value; None and False omit the attribute.
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
    """Concatenates children; escapes those that are not `Markup`."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child, quote=False) for child in children))
