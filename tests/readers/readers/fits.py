"""FITS binary tables as astropy reads them; ECSV as astropy reads it, and by the letter."""

import csv
import io
import json
import re
import sys

import numpy
import pyarrow as pa

from .core import COLUMN_KEYS, Decoded, Rejected, flattened, is_list, is_text
from .numpy_cells import column_of


def read_fits_astropy(request, schema):
    from astropy.io import fits

    with fits.open(
        request["path"], memmap=False, checksum=True, logical_as_bytes=True
    ) as document:
        document.verify("exception")
        table = next(hdu for hdu in document if isinstance(hdu, fits.BinTableHDU))
        columns = [
            {key: None for key in COLUMN_KEYS} | fits_metadata(table.header, number, c)
            for number, c in enumerate(table.columns, 1)
        ]
        if len(columns) != len(schema):
            raise Rejected(f"{len(columns)} columns, expected are {len(schema)}")
        arrays = [
            fits_column(table, index, field)
            for index, field in enumerate(schema)
        ]
        status = table.header.get("QSTATUS") or table.header.get("QUERY_STATUS")
    return Decoded(arrays, columns, FITS_LOSSES, (status, None))


def fits_metadata(header, number, column):
    keys = {"ucd": "TUCD", "utype": "TUTYP", "xtype": "TXTYP", "description": "TCOMM"}
    found = {name: header.get(f"{key}{number}") for name, key in keys.items()}
    return found | {"name": column.name, "unit": column.unit}


# By the format: text is ASCII and padded, null is no characters, NaN, or an empty array.
FITS_LOSSES = [
    "not-ascii-is-a-question-mark",
    "trailing-spaces-are-lost",
    "trailing-spaces-in-lists-are-lost",
    "null-is-empty-string",
    "null-is-nan",
    "null-is-false",
    "null-element-is-nan",
    "null-element-is-empty",
    "null-list-is-empty",
    "null-list-is-nan",
    "null-list-is-false",
    "null-list-is-empty-strings",
    "null-list-is-null-elements",
    "list-of-nulls-is-null",
]


def fits_column(table, index, field):
    column = table.columns[index]
    null = column.null
    if re.fullmatch(r"[0-9]*[LX]", column.format):
        # As it stands in the file: astropy has no place for null logicals, and fails on bits with TDIM.
        data = table.data.view(numpy.ndarray)[table.data.dtype.names[index]]
        if column.format.endswith("X"):
            count = int(column.format[:-1] or 1)
            packed = data.view(numpy.uint8).reshape(len(data), (count + 7) // 8)
            data = numpy.unpackbits(packed, axis=1)[:, :count].astype(bool)
            data = data if is_list(field.type) else data[:, 0]
    else:
        data = table.data.field(index)
    if not is_list(field.type) and data.ndim > 1 and data.size == len(data):
        data = data.reshape(-1)
    if pa.types.is_boolean(getattr(field.type, "value_type", field.type)):
        data = logical(data)
    if is_list(field.type) and is_text(field.type.value_type):
        cells = [[str(text) for text in numpy.asarray(cell).reshape(-1)] for cell in data]
        return pa.array(cells, field.type)
    if data.dtype == object:
        data = [numpy.ma.asarray(cell) for cell in data]
        cells = [numpy.ma.masked_equal(c, null) if null is not None else c for c in data]
        return column_of(objects(cells), field.type, field.name)
    if null is not None:
        data = numpy.ma.masked_equal(data, null)
    return column_of(data, field.type, field.name)


def objects(cells):
    """An array of arrays, also where all have one length."""
    array = numpy.empty(len(cells), object)
    for index, cell in enumerate(cells):
        array[index] = cell
    return array


def logical(data):
    """T, F, and 0 for null, as masked booleans; bits are booleans already."""
    if data.dtype == object:
        return objects([logical(numpy.asarray(cell)) for cell in data])
    if data.dtype.kind == "b":
        return data
    data = data.view(numpy.uint8).reshape(data.shape)
    unknown = ~numpy.isin(data, [ord("T"), ord("F"), 0])
    if unknown.any():
        raise Rejected(f"{data[unknown][0]} is no logical value")
    return numpy.ma.array(data == ord("T"), mask=data == 0)


def read_ecsv_plain(request, schema):
    """ECSV by the letter: YAML in the header, JSON in the arrays."""
    import yaml

    csv.field_size_limit(sys.maxsize)
    with open(request["path"], encoding="utf-8", newline="") as source:
        lines = source.read()
    header = []
    while lines.startswith("# "):
        line, lines = lines.split("\n", 1)
        header.append(line[2:])
    if not header or not header[0].startswith("%ECSV "):
        raise Rejected("no header of ECSV")
    header = yaml.safe_load("\n".join(header[1:]))
    if lines and not lines.endswith("\n"):
        raise Rejected("the last record has no end")
    rows = list(csv.reader(io.StringIO(lines, newline=""), strict=True))
    names, rows = rows[0], rows[1:]
    columns = [ecsv_column(column) for column in header["datatype"]]
    if names != [column["name"] for column in columns]:
        raise Rejected("the header has other names than the first record")
    if any(len(row) != len(schema) for row in rows):
        raise Rejected(f"a row has another number of cells than {len(schema)}")
    arrays = [
        pa.array([ecsv_cell(row[index], type_) for row in rows], type_)
        for index, type_ in enumerate(schema.types)
    ]
    table = header.get("meta", {})
    return Decoded(arrays, columns, ["empty-string-is-null"], table=table)


def ecsv_column(column):
    keys = {"name": column["name"], "datatype": column["datatype"]}
    keys |= {"unit": column.get("unit"), "description": column.get("description")}
    keys |= {key: column.get("meta", {}).get(key) for key in ("ucd", "utype", "xtype")}
    return {key: None for key in COLUMN_KEYS} | keys


def ecsv_cell(text, type_):
    if text == "":
        return None
    if is_list(type_):
        return flattened(json.loads(text))
    if pa.types.is_boolean(type_):
        return {"True": True, "False": False}[text]
    if pa.types.is_integer(type_):
        return int(text)
    return float(text) if pa.types.is_floating(type_) else text


def read_ecsv_astropy(request, schema):
    from astropy.table import Table

    table = Table.read(request["path"], format="ascii.ecsv")
    columns = [
        {key: None for key in COLUMN_KEYS}
        | {"name": name, "unit": table[name].unit and str(table[name].unit)}
        | {"description": table[name].description, "ucd": table[name].meta.get("ucd")}
        for name in table.colnames
    ]
    arrays = [
        column_of(table[name], type_, name) for name, type_ in zip(table.colnames, schema.types)
    ]
    return Decoded(arrays, columns, ["empty-string-is-null", "text-is-trimmed"])
