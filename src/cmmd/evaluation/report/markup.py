"""HTML elements of the report: all text that is not `Markup` is escaped, so that file names cannot inject markup."""

from markupsafe import Markup, escape

EMPTY = frozenset({"img", "meta"})
"""HTML tags without an end tag; SVG tags have one."""


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
        words.append(name if value is True else f'{name}="{escape(value)}"')
    opening = Markup(f"<{' '.join(words)}>")
    return opening if tag in EMPTY else opening + join(*children) + Markup(f"</{tag}>")


def join(*children: str) -> Markup:
    """Concatenates children; escapes those that are not `Markup`."""
    return Markup("").join(children)
