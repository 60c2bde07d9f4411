"""CSV and TSV."""

import csv
import os

import pyarrow as pa

from .core import (
    Decoded,
    Rejected,
    duckdb_connection,
    fields_of,
    is_list,
    named_columns,
    sql_text,
)
from .plain_text import check_text, from_text

def column_labels(count):
    """Names may be repeated in a file, and neither pyarrow nor DuckDB has types by position."""
    return [f"c{index}" for index in range(count)]


def separator(request):
    return "\t" if request["format"] == "tsv" else ","


def has_header(request):
    return request.get("options", {}).get("header", "present") == "present"


def quoted_nulls(schema):
    """In a table of one column a null is written as "", which only text can tell apart."""
    return len(schema) == 1 and not pa.types.is_string(schema.field(0).type)


def text_losses(schema):
    one_text = len(schema) == 1 and pa.types.is_string(schema.field(0).type)
    losses = ["null-is-empty-string"] if one_text else []
    return losses + ["null-element-is-nan"] + (["empty-list-is-null"] if len(schema) == 1 else [])


def format_losses(request):
    """Those of the format itself: TSV has no tabs and line breaks in values."""
    return ["tabs-are-spaces"] if request["format"] == "tsv" else []


def with_lists(request, schema, text, typed):
    """Columns that the reader has types for, and the arrays, which are text to it."""
    fields = fields_of(request, schema)
    columns = []
    for index, (field, type_, name) in enumerate(zip(fields, schema.types, schema.names)):
        if is_list(type_):
            columns.append(from_text(text[index], field, type_, name))
        elif field["datatype"] == "bit":
            cells = [{"0": False, "1": True}[cell] if cell else None for cell in text[index]]
            columns.append(pa.array(cells, pa.bool_()))
        else:
            columns.append(typed[index])
    return columns


def text_types(request, schema):
    """The types to ask a reader for: text where it has none."""
    return [
        pa.utf8() if is_list(type_) or field["datatype"] == "bit" else type_
        for field, type_ in zip(fields_of(request, schema), schema.types)
    ]


def is_empty(request):
    """No rows and no header: an empty file, which is a table, though pyarrow refuses it."""
    return not has_header(request) and os.path.getsize(request["path"]) == 0


def read_text_pyarrow(request, schema):
    from pyarrow import csv

    losses = text_losses(schema) + format_losses(request)
    if is_empty(request):
        return Decoded([pa.array([], t) for t in schema.types], named_columns(schema.names), losses)

    labels = column_labels(len(schema))

    def read(types, skipped, quoted_can_be_null):
        return csv.read_csv(
            request["path"],
            csv.ReadOptions(
                use_threads=False, column_names=labels, skip_rows_after_names=skipped
            ),
            csv.ParseOptions(
                delimiter=separator(request), newlines_in_values=True, ignore_empty_lines=False
            ),
            csv.ConvertOptions(
                column_types=dict(zip(labels, types)),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=quoted_can_be_null,
            ),
        )

    text = read([pa.utf8()] * len(labels), 0, False)
    header = int(has_header(request))
    table = read(text_types(request, schema), header, quoted_nulls(schema))
    names = text.slice(0, 1).to_pylist()[0].values() if header else schema.names
    text = [column.to_pylist() for column in text.slice(header).columns]
    columns = with_lists(request, schema, text, table.columns)
    return Decoded(columns, named_columns(names), losses)


DUCKDB_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.uint8(): "UTINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.utf8(): "VARCHAR",
}


def read_text_duckdb(request, schema):
    labels = column_labels(len(schema))

    def read(types, header, allow_quoted_nulls):
        columns = ", ".join(f"'{label}': '{type_}'" for label, type_ in zip(labels, types))
        query = f"""SELECT * FROM read_csv({sql_text(request["path"])}, columns = {{{columns}}},
            auto_detect = false, header = {header}, delim = {sql_text(separator(request))},
            quote = '"', escape = '"', strict_mode = true, nullstr = '',
            allow_quoted_nulls = {allow_quoted_nulls})"""
        return duckdb_connection().sql(query).to_arrow_table()

    header = has_header(request)
    text = read(["VARCHAR"] * len(labels), False, False)
    names = schema.names
    if header:
        if len(text) == 0:
            raise Rejected("no header")
        names = text.slice(0, 1).to_pylist()[0].values()
    quoted = quoted_nulls(schema)
    # DuckDB rounds 1.5 to the integer 2 and takes T for true: look at the text, too.
    text = [column.to_pylist() for column in text.slice(int(header)).columns]
    types = text_types(request, schema)
    for column, type_, name in zip(text, types, schema.names):
        check_text((value or None for value in column), type_, name)
    table = read([DUCKDB_TYPES[type_] for type_ in types], header, quoted)
    columns = with_lists(request, schema, text, table.columns)
    return Decoded(columns, named_columns(names), text_losses(schema) + format_losses(request))


def read_text_astropy(request, schema):
    from astropy.io import ascii
    from astropy.table import Table
    from numpy.ma import masked as numpy_masked

    # As text: the cells are what is compared, and the types that astropy would guess are its own.
    table = Table.read(
        request["path"],
        format="ascii.tab" if request["format"] == "tsv" else "ascii.csv",
        guess=False,
        fast_reader=False,
        converters={"*": [ascii.convert_numpy(str)]},
    )
    if len(table.colnames) != len(schema.types):
        raise Rejected(f"{len(table.colnames)} columns, {len(schema.types)} expected")
    fields = fields_of(request, schema)
    arrays = [
        from_text(
            [None if v is numpy_masked or v == "" else str(v) for v in table[name]],
            field,
            type_,
            name,
        )
        for name, field, type_ in zip(table.colnames, fields, schema.types)
    ]
    losses = ["empty-string-is-null", "empty-list-is-null", "null-element-is-nan", "text-is-trimmed"]
    return Decoded(arrays, named_columns(table.colnames), losses + format_losses(request))


def read_text_polars(request, schema):
    import polars

    def read(header, types):
        return polars.read_csv(
            request["path"],
            has_header=False,
            skip_rows=int(header),
            separator=separator(request),
            schema={label: type_ for label, type_ in zip(column_labels(len(schema)), types)},
            truncate_ragged_lines=False,
            glob=False,
        )

    rows = read_rows(request)
    header = has_header(request)
    names = rows[0] if header else schema.names
    text = read(header, [polars.String] * len(schema))
    # polars parses numbers leniently: look at the text, too.
    text = [text[label].to_list() for label in text.columns]
    types = text_types(request, schema)
    for column, type_, name in zip(text, types, schema.names):
        check_text(column, type_, name)
    typed = read(header, [polars_type(type_) for type_ in types]).to_arrow().columns
    columns = with_lists(request, schema, text, typed)
    return Decoded(columns, named_columns(names), ["null-element-is-nan"] + format_losses(request))


def polars_type(type_):
    import polars

    return polars.from_arrow(pa.array([], type_)).dtype


def read_rows(request):
    with open(request["path"], newline="", encoding="utf-8") as source:
        return list(csv.reader(source, delimiter=separator(request), strict=True))
