"""VOTable by the letter of the standard: BINARY2, BINARY and TABLEDATA of one table.

Nothing but the standard library stands behind it, so that what it reads is what the standard says,
not what some program makes of it. STILTS' output is read with it as well.
"""

import base64
import io
import struct
import xml.etree.ElementTree as ElementTree

import pyarrow as pa

from .core import COLUMN_KEYS, Decoded, Rejected
from .plain_text import items, strings_cell, tabledata_value
from .votable_metadata import field_metadata, table_metadata

SPACE = "{http://www.ivoa.net/xml/VOTable/v1.3}"

NUMBERS = {
    "unsignedByte": (">B", pa.uint8()),
    "short": (">h", pa.int16()),
    "int": (">i", pa.int32()),
    "long": (">q", pa.int64()),
    "float": (">f", pa.float32()),
    "double": (">d", pa.float64()),
    "floatComplex": (">f", pa.float32()),
    "doubleComplex": (">d", pa.float64()),
    "boolean": (">c", pa.bool_()),
    "bit": (">B", pa.bool_()),
}
TEXT = {"char": (1, "utf-8"), "unicodeChar": (2, "utf-16-be")}
BOOLEANS = {b"T": True, b"t": True, b"1": True, b"F": False, b"f": False, b"0": False}


class Shape:
    """Datatype and arraysize, taken apart."""

    def __init__(self, datatype, arraysize):
        self.datatype, self.arraysize = datatype, arraysize
        self.is_text, self.is_complex = datatype in TEXT, datatype.endswith("Complex")
        dimensions = (arraysize or "").split("x") if arraysize else []
        self.is_variable = bool(dimensions) and dimensions[-1].endswith("*")
        inner = dimensions[:-1] if self.is_variable else dimensions
        self.stride = 1
        for extent in inner:
            self.stride *= int(extent)
        self.is_list = (len(dimensions) > 1) if self.is_text else bool(dimensions) or self.is_complex
        self.element = pa.utf8() if self.is_text else NUMBERS[datatype][1]
        self.type = pa.list_(self.element) if self.is_list else self.element


def read_votable_plain(request, schema):
    with open(request["path"], "rb") as source:
        root = ElementTree.parse(source).getroot()
    outer = request.get("options", {}).get("array_count", "").lower() == "outer"
    arrays, columns, _ = decode_document(root, outer)
    status, table = status_of(results_of(root)), table_metadata(root)
    return Decoded(arrays, columns, plain_losses(root), status, table=table)


def results_of(root):
    return next(r for r in root.iter(SPACE + "RESOURCE") if r.get("type") == "results")


def status_of(resource):
    """Value and text of the last QUERY_STATUS."""
    status = (None, None)
    for info in resource.findall(SPACE + "INFO"):
        if info.get("name") == "QUERY_STATUS":
            status = (info.get("value"), (info.text or "").strip() or None)
    return status


def plain_losses(root):
    if root.find(f".//{SPACE}TABLEDATA") is not None:
        return TABLEDATA_LOSSES
    return BINARY_LOSSES if root.find(f".//{SPACE}BINARY") is not None else BINARY2_LOSSES


BINARY2_LOSSES = [
    "null-element-is-nan",
    "null-element-is-empty",
    "trailing-spaces-in-lists-are-lost",
]
BINARY_LOSSES = BINARY2_LOSSES + [
    "null-is-nan",
    "null-is-empty-string",
    "null-list-is-empty",
    "null-list-is-nan",
    "null-list-is-empty-strings",
    "null-list-is-null-elements",
]
TABLEDATA_LOSSES = BINARY2_LOSSES + ["empty-string-is-null", "empty-list-is-null"]


def decode_document(root, outer_count=False):
    """One table: arrays, columns, and the QUERY_STATUS that STILTS makes a PARAM of."""
    table = root.find(f".//{SPACE}TABLE")
    fields = fields_of_table(table)
    columns, nulls = [column for column, _ in fields], [null for _, null in fields]
    status = (None, None)
    for param in table.iter(SPACE + "PARAM"):
        if param.get("name") == "QUERY_STATUS":
            status = (param.get("value"), description_of(param))
    shapes = [Shape(column["datatype"], column["arraysize"]) for column in columns]
    data = table.find(SPACE + "DATA")
    cells = [[] for _ in shapes]
    for row in rows_of(data, shapes, nulls, outer_count):
        for cell, column in zip(row, cells):
            column.append(cell)
    arrays = [pa.array(column, shape.type) for column, shape in zip(cells, shapes)]
    return arrays, columns, status


def fields_of_table(table):
    """Of every FIELD what COLUMN_KEYS names, and the value that stands for null."""
    fields = []
    for field in table.findall(SPACE + "FIELD"):
        column = {key: None for key in COLUMN_KEYS} | field_metadata(field)
        values = field.find(SPACE + "VALUES")
        null = values.get("null") if values is not None else None
        fields.append((column, null))
    return fields


def description_of(element):
    return (element.findtext(SPACE + "DESCRIPTION") or "").strip() or None


def rows_of(data, shapes, nulls, outer_count):
    if data is None:
        return
    serialization = data[0]
    if serialization.tag == SPACE + "TABLEDATA":
        yield from tabledata_rows(serialization, shapes, nulls)
        return
    with_flags = serialization.tag == SPACE + "BINARY2"
    if not with_flags and serialization.tag != SPACE + "BINARY":
        raise Rejected(f"{serialization.tag} is no serialization that is known here")
    stream = serialization.find(SPACE + "STREAM")
    source = io.BytesIO(base64.b64decode("".join((stream.text or "").split()), validate=True))
    size = len(source.getbuffer())

    def take(count):
        data = source.read(count)
        if len(data) != count:
            raise Rejected("the stream ends within a row")
        return data

    while source.tell() < size:
        flags = take((len(shapes) + 7) // 8) if with_flags else None
        row = []
        for index, shape in enumerate(shapes):
            cell = binary_cell(take, shape, outer_count, None if with_flags else nulls[index])
            if flags is not None and flags[index // 8] >> (7 - index % 8) & 1:
                cell = None
            row.append(cell)
        if flags is not None and len(shapes) % 8 and flags[-1] & (0xFF >> len(shapes) % 8):
            raise Rejected("a flag beyond the last column is set")
        yield row


def binary_cell(take, shape, outer_count, null):
    count = shape.stride
    if shape.is_variable:
        count = struct.unpack(">I", take(4))[0]
        if outer_count and not shape.is_text or outer_count and shape.is_list:
            count *= shape.stride
        elif count % shape.stride:
            raise Rejected(f"{count} items are not a multiple of {shape.stride}")
    if shape.is_text:
        return text_cell(take, shape, count)
    values = numbers(take, shape.datatype, count)
    if null is not None:
        values = [None if value == int(null) else value for value in values]
    return values if shape.is_list else values[0]


def text_cell(take, shape, count):
    width, encoding = TEXT[shape.datatype]
    data = take(count * width)
    if not shape.is_list:
        text = data.decode(encoding)
        return text if shape.is_variable else text.split("\0")[0]
    step = int(shape.arraysize.split("x")[0]) * width
    parts = [data[at : at + step].decode(encoding) for at in range(0, len(data), step)]
    return [part.split("\0")[0].rstrip(" ") for part in parts]


def numbers(take, datatype, count):
    if datatype == "bit":
        data = take((count + 7) // 8)
        if count % 8 and data[-1] & (0xFF >> count % 8):
            raise Rejected("a bit beyond the last is set")
        return [bool(data[index // 8] >> (7 - index % 8) & 1) for index in range(count)]
    if datatype == "boolean":
        return [boolean(bytes([byte])) for byte in take(count)]
    code = NUMBERS[datatype][0]
    count *= 2 if datatype.endswith("Complex") else 1
    data = take(count * struct.calcsize(code))
    return list(struct.unpack(f">{count}{code[1]}", data))


def boolean(byte):
    """True, false, or null; VOTable 1.4, 6."""
    if byte in BOOLEANS:
        return BOOLEANS[byte]
    if byte in (b"\0", b" ", b"?"):
        return None
    raise Rejected(f"{byte} is not a boolean")


def tabledata_rows(tabledata, shapes, nulls):
    for row in tabledata:
        if row.tag != SPACE + "TR" or len(row) != len(shapes):
            raise Rejected(f"a row has {len(row)} cells, and there are {len(shapes)} FIELDs")
        yield [
            tabledata_cell(cell.text or "", shape, null)
            for cell, shape, null in zip(row, shapes, nulls)
        ]


def tabledata_cell(text, shape, null):
    if text == "":
        return None
    if shape.is_text:
        return strings_cell(text, shape.datatype, shape.arraysize) if shape.is_list else text
    field = {"datatype": shape.datatype, "arraysize": shape.arraysize}
    values = [
        None if item in ("?", null) else tabledata_value(item, shape.element, "?")
        for item in items(text, field)
    ]
    return values if shape.is_list else values[0]
