"""What STIL makes of a table in two formats, each written by it as a VOTable."""

import xml.etree.ElementTree as ElementTree

import pyarrow as pa

from .core import is_list, is_text
from .votable_binary import decode_document

KEYS = ["name", "datatype", "arraysize", "unit", "ucd", "utype", "xtype", "description"]


def differences(path, other):
    """What differs in columns and cells, one a line.

    What STIL writes does not tell a null float from NaN, a null text from an empty one, nor a null array from one
    that is empty or has only nulls; and of VOTable it reads no spaces at the end of text.
    """
    arrays, columns, _ = decode_document(ElementTree.parse(path).getroot())
    other_arrays, other_columns, _ = decode_document(ElementTree.parse(other).getroot())
    if len(columns) != len(other_columns):
        return [f"{len(columns)} columns, and {len(other_columns)}"]
    messages = []
    for column, other_column, array, other_array in zip(columns, other_columns, arrays, other_arrays):
        for key in KEYS:
            if column[key] != other_column[key]:
                messages.append(f"{column['name']}: {key} {column[key]!r}, and {other_column[key]!r}")
        cells, other_cells = comparable(array), comparable(other_array)
        if len(cells) != len(other_cells):
            return messages + [f"{len(cells)} rows, and {len(other_cells)}"]
        for row, (cell, other_cell) in enumerate(zip(cells, other_cells)):
            if cell != other_cell:
                messages.append(f"{column['name']}, row {row}: {cell!r}, and {other_cell!r}")
                break
    return messages


def comparable(array):
    """Cells of Python, floats by their text, which tells NaN and -0.0 apart."""
    cells = array.to_pylist()
    if pa.types.is_floating(array.type):
        return [None if cell is None or cell != cell else repr(cell) for cell in cells]
    if is_text(array.type):
        return [(cell or "").rstrip(" ") or None for cell in cells]
    if is_list(array.type):
        return [repr(cell) if has_values(cell) else None for cell in cells]
    return [None if cell is None else repr(cell) for cell in cells]


def has_values(cells):
    return cells is not None and any(cell is not None and cell == cell for cell in cells)
