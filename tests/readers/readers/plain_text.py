"""Cells that are text in the file: scalars as CSV has them, arrays as TABLEDATA has them."""

import json
import re

import pyarrow as pa

from .core import Rejected, is_list

SHAPES = {
    "bool": re.compile(r"true|false"),
    "int": re.compile(r"-?[0-9]+"),
    "float": re.compile(r"NaN|-?Infinity|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}
# VOTable 1.4, 6.
TABLEDATA_SHAPES = {
    "bool": re.compile(r"[TF01]|true|false"),
    "int": SHAPES["int"],
    "float": re.compile(r"NaN|[+-]?Inf|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}


def shape(type_, shapes=SHAPES):
    """The pattern of a cell of this type as text; None for text, which may be anything."""
    if pa.types.is_boolean(type_):
        return shapes["bool"]
    if pa.types.is_integer(type_):
        return shapes["int"]
    return shapes["float"] if pa.types.is_floating(type_) else None


def check_text(values, type_, name):
    pattern = shape(type_)
    for row, value in enumerate(values):
        if pattern and value is not None and not pattern.fullmatch(value):
            raise Rejected(f"column {name}, row {row}: {value!r} is no {type_}")


def from_text(values, field, type_, name):
    """Text cells, None for null, as an array of the type."""
    if is_list(type_):
        cells = [None if c is None else array_cell(c, field, type_, name) for c in values]
        return pa.array(cells, type_)
    if field["datatype"] == "bit":
        return pa.array([cell and {"0": False, "1": True}[cell] for cell in values], pa.bool_())
    check_text(values, type_, name)
    if pa.types.is_boolean(type_):
        values = [None if value is None else value == "true" for value in values]
        return pa.array(values, pa.bool_())
    return pa.array(values, pa.utf8()).cast(type_)


def array_cell(text, field, type_, name):
    """An array as TABLEDATA has it; of strings, as JSON has it."""
    if field["datatype"] in ("char", "unicodeChar"):
        return json.loads(text) if text else []
    return [tabledata_value(item, type_.value_type, name) for item in items(text, field)]


def items(text, field):
    """Bits may stand side by side; VOTable 1.4, 6."""
    words = text.split()
    return [bit for word in words for bit in word] if field["datatype"] == "bit" else words


def tabledata_value(text, type_, name):
    if text in ("?", "null"):
        return None
    pattern = shape(type_, TABLEDATA_SHAPES)
    if pattern and not pattern.fullmatch(text):
        raise Rejected(f"column {name}: {text!r} is no {type_} of TABLEDATA")
    if pa.types.is_boolean(type_):
        return text in ("T", "1", "true")
    return int(text) if pa.types.is_integer(type_) else float(text)


def strings_cell(text, datatype, arraysize):
    """Strings one after the other, each padded to its length: bytes of char, units of unicodeChar."""
    encoding, unit = ("utf-8", 1) if datatype == "char" else ("utf-16-le", 2)
    units = text.encode(encoding)
    step = int(arraysize.split("x")[0]) * unit
    parts = [units[at : at + step] for at in range(0, len(units), step)]
    return [part.decode(encoding, "replace").rstrip(" \0") for part in parts]
