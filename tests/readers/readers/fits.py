"""FITS binary tables as astropy reads them, and ECSV."""

import numpy
import pyarrow as pa

from .core import COLUMN_KEYS, Decoded, Rejected, fields_of, is_list, is_text
from .numpy_cells import column_of
from .plain_text import strings_cell


def read_fits_astropy(request, schema):
    from astropy.io import fits

    with fits.open(request["path"], memmap=False, checksum=True) as document:
        document.verify("exception")
        table = next(hdu for hdu in document if isinstance(hdu, fits.BinTableHDU))
        columns = [
            {key: None for key in COLUMN_KEYS} | {"name": c.name, "unit": c.unit}
            for c in table.columns
        ]
        if len(columns) != len(schema):
            raise Rejected(f"{len(columns)} columns, expected are {len(schema)}")
        arrays = [
            fits_column(table, index, field)
            for index, field in enumerate(schema)
        ]
        status = table.header.get("QSTATUS") or table.header.get("QUERY_STATUS")
    return Decoded(arrays, columns, FITS_LOSSES, (status, None))


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
    data = table.data.field(index)
    null = column.null
    if is_list(field.type) and is_text(field.type.value_type):
        cells = [[str(text) for text in numpy.asarray(cell).reshape(-1)] for cell in data]
        return pa.array(cells, field.type)
    if data.dtype == object:
        data = [numpy.asarray(cell) for cell in data]
        cells = numpy.empty(len(data), object)
        cells[:] = [numpy.ma.masked_equal(c, null) if null is not None else c for c in data]
        return column_of(cells, field.type, field.name)
    if null is not None:
        data = numpy.ma.masked_equal(data, null)
    return column_of(data, field.type, field.name)


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
