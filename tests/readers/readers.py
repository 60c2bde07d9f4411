"""Independent readers of the formats that Taploom writes.

The process reads one JSON request a line from standard input and answers each with one JSON line on
standard output, until the input ends. Whatever else a library prints goes to standard error.

    {"reader": "pyarrow" | "astropy" | "duckdb" | "stilts",
     "format": "votable" | "csv" | "tsv" | "voparquet",
     "path": FILE,
     "schema": Arrow IPC file without rows: the expected column names and types,
     "out": Arrow IPC file to write,
     "header": true | false}                     (csv and tsv, true where it is left out)

    {"ok": true, "rows": N, "columns": [...], "names": [...], "status": ..., "status_text": ...,
     "losses": [...], "warnings": [...]}
    {"ok": false, "error": "one line"}           the reader rejects the file, or a cell is not exact

"out" gets one record batch with the names of "schema"; cells are cast only where the value stays the
same, and anything else is an error. "columns" and "names" are what the reader itself reports: names
are *not* compared with the schema here, their number is. "columns" have the keys of COLUMN_KEYS, null
where the reader says nothing. "status" is the value of the last INFO named QUERY_STATUS directly
within the results RESOURCE, "status_text" its text.

"losses" is what the reader is known to lose for this format; see LOSSES. With
{"reader": "votlint", "path": FILE} the answer is {"ok": bool, "messages": [...]}, and
`python readers.py votlint FILE` prints the messages and exits with 1 if there are any.

A Parquet file with columns of any type is compared here with the rows that were written:

    {"reader": "pyarrow" | "duckdb" | "polars",
     "format": "parquet",
     "path": FILE,
     "written": Arrow IPC stream}

    {"ok": true, "rows": N, "differences": {COLUMN: "one line"}}
    {"ok": false, "error": "one line"}           the reader rejects the file

"differences" has the columns of which the type or a cell is another one.

STILTS is started once a request; `stilts` has to be on the PATH.
"""

import contextlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import warnings
import xml.etree.ElementTree as ElementTree

import pyarrow as pa
import pyarrow.compute

COLUMN_KEYS = ["name", "datatype", "arraysize", "unit", "ucd", "xtype", "utype", "description", "ID"]

LOSSES = {
    "null-is-empty-string": "a null text cell comes back as the empty string",
    "empty-string-is-null": "an empty text cell comes back as null",
    "nan-is-null": "a NaN comes back as null",
    "null-is-nan": "a null float or double comes back as NaN",
    "char-is-latin1": "a char cell with bytes beyond ASCII comes back as other text",
    "char-must-be-ascii": "a char cell with bytes beyond ASCII makes the reader reject the file",
    "text-is-trimmed": "spaces at the ends of a text cell are lost",
    "unterminated-quote-is-accepted": "a file that is cut within quotes is not rejected",
    "cut-record-is-accepted": "a file that is cut in a record is not rejected",
    "cut-row-is-accepted": "a BINARY2 stream that is cut in a row is not rejected",
    "arraysize-is-lost": "the bound in an arraysize such as 5* is not reported",
    "id-is-made-up": "where a FIELD has no ID, the ID reported is made from its name",
}

STILTS_SECONDS = 120


class Rejected(Exception):
    """The reader does not take the file, or a cell does not convert exactly."""


class Decoded:
    """Columns as Arrow arrays of whatever type the reader has, and what it says about them."""

    def __init__(self, arrays, columns, losses=(), status=(None, None), names=None, notes=()):
        self.arrays, self.columns, self.losses = arrays, columns, losses
        self.status, self.names, self.notes = status, names, notes


def named_columns(names):
    return [{key: None for key in COLUMN_KEYS} | {"name": name} for name in names]


# --- Exact conversions ------------------------------------------------------------------------

TEXT_SHAPES = {
    "bool": re.compile(r"true|false"),
    "int": re.compile(r"-?[0-9]+"),
    "float": re.compile(r"NaN|-?Infinity|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
}


def text_shape(type_):
    """The pattern of a cell of this type as text; None for text, which may be anything."""
    if pa.types.is_boolean(type_):
        return TEXT_SHAPES["bool"]
    if pa.types.is_integer(type_):
        return TEXT_SHAPES["int"]
    return TEXT_SHAPES["float"] if pa.types.is_floating(type_) else None


def check_text(values, type_, name):
    shape = text_shape(type_)
    for row, value in enumerate(values):
        if shape and value is not None and not shape.fullmatch(value):
            raise Rejected(f"column {name}, row {row}: {value!r} is no {type_}")


def from_text(values, type_, name):
    """Text cells, None for null, as an array of the type."""
    check_text(values, type_, name)
    if pa.types.is_boolean(type_):
        values = [None if value is None else value == "true" for value in values]
        return pa.array(values, pa.bool_())
    return pa.array(values, pa.utf8()).cast(type_)


def exact_cast(array, type_, name):
    """The same values in another type, or Rejected. NaN equals NaN; -0.0 stays -0.0."""
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    have = array.type
    if have == type_:
        return array
    is_text = lambda t: pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t)
    both = lambda kind: kind(have) and kind(type_)
    if not (both(is_text) or both(pa.types.is_integer) or both(pa.types.is_floating)):
        raise Rejected(f"column {name}: the reader has {have}, expected is {type_}")
    cast = array.cast(type_)
    if pa.types.is_floating(type_) and not same_floats(cast.cast(have), array):
        raise Rejected(f"column {name}: {have} values do not fit {type_}")
    return cast


def same_floats(left, right):
    return all(
        a == b or (a is not None and b is not None and a != a and b != b)
        for a, b in zip(left.to_pylist(), right.to_pylist())
    )


# --- VOTable ----------------------------------------------------------------------------------


def parse_votable(source):
    """The VOTableFile by astropy, strictly if it can be, with the warnings there were."""
    import astropy.io.votable

    notes, data = [], source.read()
    for verify in ("exception", "warn"):
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                # A cell longer than its arraysize: astropy cuts it.
                warnings.filterwarnings("error", message=".*W46")
                document = astropy.io.votable.parse(io.BytesIO(data), verify=verify)
            return document, notes + [one_line(warning.message) for warning in caught]
        except Exception as error:
            if verify == "warn":
                raise
            notes.append("strict parse: " + one_line(error))


def results_resource(document):
    resources = list(document.resources)
    return next((r for r in resources if r.type == "results"), resources[0])


def query_status(resource):
    status = (None, None)
    for info in resource.infos:
        if info.name == "QUERY_STATUS":
            status = (info.value, info.content or None)
    return status


def votable_column(field):
    column = {key: getattr(field, key, None) for key in COLUMN_KEYS}
    return {key: None if value is None else str(value) for key, value in column.items()}


@contextlib.contextmanager
def whole_rows_only():
    """astropy passes over a last row that is cut: count its reads, which are so many a row."""
    from astropy.io.votable.tree import TableElement

    get_stream, parse_binary = TableElement._get_binary_data_stream, TableElement._parse_binary
    reads = {}

    def counting_stream(table, iterator, config):
        careful_read = get_stream(table, iterator, config)
        reads["done"] = 0

        def read(length):
            data = careful_read(length)
            reads["done"] += 1
            return data

        return read

    def checking_parse(table, mode, *arguments):
        per_row = 1 if mode == 2 else 0
        for field in table.all_fields:
            text = field.datatype in ("char", "unicodeChar")
            per_row += 2 if text and str(field.arraysize).endswith("*") else 1
        array = parse_binary(table, mode, *arguments)
        if reads["done"] != per_row * len(array):
            raise Rejected(f"the stream ends within row {len(array)}")
        return array

    TableElement._get_binary_data_stream = counting_stream
    TableElement._parse_binary = checking_parse
    try:
        yield
    finally:
        TableElement._get_binary_data_stream = get_stream
        TableElement._parse_binary = parse_binary


def read_votable_astropy(request, schema):
    import numpy

    with whole_rows_only(), open(request["path"], "rb") as source:
        document, notes = parse_votable(source)
    resource = results_resource(document)
    table = resource.tables[0]
    arrays = []
    for key, field in zip(table.array.dtype.names or (), table.fields):
        if field.arraysize is not None and field.datatype not in ("char", "unicodeChar"):
            raise Rejected(f"column {field.name}: arrays are not read here")
        values = numpy.asarray(table.array.data[key])
        mask = numpy.asarray(table.array.mask[key]).astype(bool)
        if field.datatype in ("char", "unicodeChar"):
            cells = [None if null else str(value) for value, null in zip(values, mask)]
            arrays.append(pa.array(cells, pa.utf8()))
        else:
            arrays.append(pa.array(values, mask=mask))
    columns = [votable_column(field) for field in table.fields]
    losses = ["null-is-empty-string", "nan-is-null", "char-must-be-ascii", "id-is-made-up"]
    return Decoded(arrays, columns, losses, query_status(resource), notes=notes)


def run_stilts(*arguments):
    command = ["stilts", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8", *arguments]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=STILTS_SECONDS
    )
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0:
        raise Rejected(f"stilts {arguments[0]}: exit {done.returncode}: {stderr}")
    return done.stdout.decode("utf-8", "replace"), stderr


def stilts_table(path, format_):
    """The table as STILTS reads it: written again by STILTS as BINARY2, which is decoded here."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out.vot")
        run_stilts(
            "tpipe", f"ifmt={format_}", f"in={path}", "ofmt=votable(format=BINARY2)", f"out={out}"
        )
        return decode_binary2(ElementTree.parse(out).getroot())


BINARY2_NUMBERS = {
    "unsignedByte": (">B", pa.uint8()),
    "short": (">h", pa.int16()),
    "int": (">i", pa.int32()),
    "long": (">q", pa.int64()),
    "float": (">f", pa.float32()),
    "double": (">d", pa.float64()),
}
BINARY2_TEXT = {"char": (1, "utf-8"), "unicodeChar": (2, "utf-16-be")}


def decode_binary2(root):
    """Decode what STILTS wrote (one table, scalars and text): arrays, columns, QUERY_STATUS."""
    import base64

    space = "{http://www.ivoa.net/xml/VOTable/v1.3}"
    text_of = lambda element: (element.findtext(space + "DESCRIPTION") or "").strip() or None
    table = root.find(f".//{space}TABLE")
    columns = []
    for field in table.iter(space + "FIELD"):
        column = {key: field.get(key) for key in COLUMN_KEYS}
        columns.append(column | {"description": text_of(field)})
    status = (None, None)
    for param in table.iter(space + "PARAM"):
        if param.get("name") == "QUERY_STATUS":
            status = (param.get("value"), text_of(param))

    stream = table.find(f".//{space}STREAM")
    source = io.BytesIO(base64.b64decode((stream.text or "") if stream is not None else ""))

    def take(count):
        data = source.read(count)
        if len(data) != count:
            raise Rejected("the stream that STILTS wrote ends within a row")
        return data

    cells = [[] for _ in columns]
    while flags := source.read((len(columns) + 7) // 8):
        for index, column in enumerate(columns):
            value = decode_cell(take, column["datatype"], column["arraysize"])
            null = flags[index // 8] >> (7 - index % 8) & 1
            cells[index].append(None if null else value)
    types = [arrow_type(column["datatype"]) for column in columns]
    return [pa.array(c, t) for c, t in zip(cells, types)], columns, status


def arrow_type(datatype):
    if datatype in BINARY2_NUMBERS:
        return BINARY2_NUMBERS[datatype][1]
    return pa.bool_() if datatype == "boolean" else pa.utf8()


def decode_cell(take, datatype, arraysize):
    if datatype in BINARY2_TEXT:
        width, encoding = BINARY2_TEXT[datatype]
        if arraysize and arraysize.endswith("*"):
            count = struct.unpack(">I", take(4))[0]
            return take(count * width).decode(encoding)
        return take(int(arraysize or 1) * width).decode(encoding).split("\0")[0]
    if arraysize is not None:
        raise Rejected(f"{datatype} with arraysize {arraysize}: arrays are not read here")
    if datatype == "boolean":
        return {b"T": True, b"F": False}.get(take(1))
    code = BINARY2_NUMBERS[datatype][0]
    return struct.unpack(code, take(struct.calcsize(code)))[0]


def read_votable_stilts(request, schema):
    arrays, columns, status = stilts_table(request["path"], "votable")
    # What STILTS holds for a char cell is Latin-1; it writes the bytes it read, which are decoded
    # here as UTF-8, so the text is right although STILTS shows it wrong.
    losses = STILTS_LOSSES + ["char-is-latin1", "cut-row-is-accepted", "arraysize-is-lost"]
    return Decoded(arrays, columns, losses, status)


# By experiment, with 3.4.7: an empty text is null, and a null float is NaN.
STILTS_LOSSES = ["empty-string-is-null", "null-is-nan"]


# --- CSV and TSV ------------------------------------------------------------------------------


def column_labels(count):
    """Names may be repeated in a file, and neither pyarrow nor DuckDB has types by position."""
    return [f"c{index}" for index in range(count)]


def separator(request):
    return "\t" if request["format"] == "tsv" else ","


def has_header(request):
    return request.get("header", True)


def quoted_nulls(schema):
    """In a table of one column a null is written as "", which only text can tell apart."""
    return len(schema) == 1 and not pa.types.is_string(schema.field(0).type)


def text_losses(schema):
    one_text = len(schema) == 1 and pa.types.is_string(schema.field(0).type)
    return ["null-is-empty-string"] if one_text else []


def is_empty(request):
    """No rows and no header: an empty file, which is a table, though pyarrow refuses it."""
    return not has_header(request) and os.path.getsize(request["path"]) == 0


def read_text_pyarrow(request, schema):
    from pyarrow import csv

    losses = text_losses(schema) + ["unterminated-quote-is-accepted"]
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
    table = read(schema.types, int(has_header(request)), quoted_nulls(schema))
    names = text.slice(0, 1).to_pylist()[0].values() if has_header(request) else schema.names
    return Decoded(table.columns, named_columns(names), losses)


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


def duckdb_connection():
    global _duckdb
    if _duckdb is None:
        import duckdb

        _duckdb = duckdb.connect(config={"threads": 1})
    return _duckdb


_duckdb = None


def sql_text(text):
    return "'" + text.replace("'", "''") + "'"


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
    for column, type_, name in zip(text.slice(int(header)).columns, schema.types, schema.names):
        check_text((value or None for value in column.to_pylist()), type_, name)
    table = read([DUCKDB_TYPES[type_] for type_ in schema.types], header, quoted)
    return Decoded(table.columns, named_columns(names), text_losses(schema))


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
    arrays = [
        from_text([None if v is numpy_masked or v == "" else str(v) for v in table[name]], type_, name)
        for name, type_ in zip(table.colnames, schema.types)
    ]
    return Decoded(arrays, named_columns(table.colnames), ["empty-string-is-null"])


def read_csv_stilts(request, schema):
    header = "true" if has_header(request) else "false"
    arrays, columns, _ = stilts_table(request["path"], f"csv(header={header})")
    if len(arrays) != len(schema):
        raise Rejected(f"{len(arrays)} columns, expected are {len(schema)}")
    # STILTS guesses the types; the decimals of a float are what stands in the file.
    arrays = [
        pa.array(
            [None if v is None else float(str(numpy_type(v))) for v in array.to_pylist()], type_
        )
        if pa.types.is_floating(type_) and pa.types.is_floating(array.type)
        else array
        for array, type_, numpy_type in (
            (array, type_, array.type.to_pandas_dtype()) for array, type_ in zip(arrays, schema.types)
        )
    ]
    columns = named_columns([column["name"] for column in columns])
    losses = STILTS_LOSSES + ["text-is-trimmed", "cut-record-is-accepted"]
    return Decoded(arrays, columns, losses)


# --- VOParquet --------------------------------------------------------------------------------

VERSION_KEY = b"IVOA.VOTable-Parquet.version"
CONTENT_KEY = b"IVOA.VOTable-Parquet.content"


def voparquet_document(metadata):
    """The FIELDs, the QUERY_STATUS and the warnings of the VOTable in the footer."""
    if metadata.get(VERSION_KEY) != b"1.0":
        raise Rejected(f"{VERSION_KEY.decode()} is {metadata.get(VERSION_KEY)}")
    if CONTENT_KEY not in metadata:
        raise Rejected(f"no {CONTENT_KEY.decode()}")
    document, notes = parse_votable(io.BytesIO(metadata[CONTENT_KEY]))
    resource = results_resource(document)
    table = next(document.iter_tables())
    if len(table.array):
        raise Rejected("the VOTable in the footer has rows")
    return [votable_column(field) for field in table.fields], query_status(resource), notes


def read_voparquet_pyarrow(request, schema):
    from pyarrow import parquet

    with parquet.ParquetFile(request["path"], page_checksum_verification=True) as file:
        columns, status, notes = voparquet_document(file.metadata.metadata or {})
        table = file.read(use_threads=False)
    losses = ["id-is-made-up"]
    return Decoded(table.columns, columns, losses, status, table.column_names, notes)


def read_voparquet_duckdb(request, schema):
    path = sql_text(request["path"])
    keys = duckdb_connection().sql(f"SELECT key, value FROM parquet_kv_metadata({path})").fetchall()
    columns, status, notes = voparquet_document({bytes(k): bytes(v) for k, v in keys})
    table = duckdb_connection().sql(f"SELECT * FROM read_parquet({path})").to_arrow_table()
    losses = ["id-is-made-up"]
    return Decoded(table.columns, columns, losses, status, table.column_names, notes)


# --- Parquet ----------------------------------------------------------------------------------


def read_parquet_pyarrow(path):
    from pyarrow import parquet

    return parquet.read_table(path, use_threads=False, page_checksum_verification=True)


def read_parquet_duckdb(path):
    return duckdb_connection().sql(f"SELECT * FROM read_parquet({sql_text(path)})").to_arrow_table()


def read_parquet_polars(path):
    os.environ["RUST_BACKTRACE"] = "0"  # its panics are answers here
    import polars

    try:
        return polars.read_parquet(path).to_arrow()
    except polars.exceptions.PanicException as panic:  # which is no Exception
        raise Rejected(f"panicked: {panic}")


PARQUET_READERS = {
    "pyarrow": read_parquet_pyarrow,
    "duckdb": read_parquet_duckdb,
    "polars": read_parquet_polars,
}


def is_in_seconds(type_):
    return pa.types.is_timestamp(type_) and type_.unit == "s"


# What a reader has instead of a type that Parquet, or the reader itself, does not know. What was
# written is cast to it, which is an error for a value that it does not hold.
INSTEAD = {
    "pyarrow": [
        (pa.types.is_time32, pa.types.is_int32),
        (pa.types.is_date64, pa.types.is_int64),
        (is_in_seconds, pa.types.is_int64),
        (pa.types.is_interval, pa.types.is_fixed_size_binary),
    ],
    "duckdb": [
        (pa.types.is_time32, pa.types.is_int32),
        (pa.types.is_time32, pa.types.is_time64),
        (pa.types.is_date64, pa.types.is_int64),
        (is_in_seconds, pa.types.is_int64),
        (pa.types.is_timestamp, pa.types.is_timestamp),
        (pa.types.is_duration, pa.types.is_int64),
        (pa.types.is_float16, pa.types.is_float32),
        (pa.types.is_decimal, pa.types.is_decimal128),
        (pa.types.is_fixed_size_binary, pa.types.is_binary),
    ],
    "polars": [
        (pa.types.is_time, pa.types.is_time64),
        (pa.types.is_date64, pa.types.is_timestamp),
        (is_in_seconds, pa.types.is_timestamp),
        (pa.types.is_duration, pa.types.is_duration),
        (pa.types.is_decimal, pa.types.is_decimal128),
        (pa.types.is_fixed_size_binary, pa.types.is_binary),
    ],
}


def compare(request):
    """Compare all cells that a reader finds in a Parquet file with those that were written."""
    written = pa.ipc.open_stream(request["written"]).read_all()
    read = PARQUET_READERS[request["reader"]](request["path"])
    if read.column_names != written.column_names:
        raise Rejected(f"columns {read.column_names}, expected are {written.column_names}")
    if len(read) != len(written):
        raise Rejected(f"{len(read)} rows, expected are {len(written)}")
    differences = {}
    for name, got, want in zip(written.column_names, read.columns, written.columns):
        try:
            compare_cells(request["reader"], "cells", one_array(got), one_array(want))
        except Exception as error:
            differences[name] = one_line(error)
    return {"ok": True, "rows": len(read), "differences": differences}


def one_array(column):
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def compare_cells(reader, place, got, want):
    """Lists are compared by their lengths and elements, structs by their fields, all else bit by bit.

    A value is the same in a dictionary, as a run or as a view, and a list in a list of any kind.
    """
    got, want = plain(got), plain(want)
    if is_list(got.type) and is_list(want.type):
        compare_values(place, list_lengths(got), list_lengths(want))
        compare_cells(reader, f"{place}, elements", elements(got), elements(want))
    elif pa.types.is_struct(got.type) and pa.types.is_struct(want.type):
        names, wanted = [field.name for field in got.type], [field.name for field in want.type]
        if names != wanted:
            raise Rejected(f"{place}: fields {names}, expected are {wanted}")
        compare_values(place, got.is_valid(), want.is_valid())
        # Below a null struct these are null.
        for name, got_field, want_field in zip(names, got.flatten(), want.flatten()):
            compare_cells(reader, f"{place}, field {name}", got_field, want_field)
    else:
        compare_values(place, got, as_type_of_reader(reader, place, want, got.type))


def plain(array):
    """The same values without dictionary, runs and views; a map as a list of structs."""
    type_ = array.type
    if pa.types.is_dictionary(type_):
        return plain(array.dictionary_decode())
    if pa.types.is_run_end_encoded(type_):
        return plain(pa.compute.run_end_decode(array))
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return array.cast(pa.string())
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return array.cast(pa.binary())
    if pa.types.is_map(type_):
        entries = pa.StructArray.from_arrays([array.keys, array.items], ["key", "value"])
        return pa.ListArray.from_arrays(array.offsets, entries, mask=array.is_null())
    return array


def is_list(type_):
    kinds = ["list", "large_list", "fixed_size_list", "list_view", "large_list_view"]
    return any(getattr(pa.types, f"is_{kind}")(type_) for kind in kinds)


def list_lengths(array):
    return pa.compute.list_value_length(array).cast(pa.int64())


def elements(array):
    """Those of all lists, one after another; a null has none."""
    return pa.compute.list_flatten(array)


def as_type_of_reader(reader, place, want, type_):
    """What was written, in the type that the reader has for it."""
    if pa.types.is_timestamp(want.type) and pa.types.is_timestamp(type_):
        if (want.type.tz is None) != (type_.tz is None):
            raise Rejected(f"{place}: the reader has {type_}, expected is {want.type}")
        # Timestamps are counted in UTC; the zone is how they are shown.
        want = want.cast(pa.timestamp(want.type.unit, type_.tz))
    known = any(kind(want.type) and instead(type_) for kind, instead in INSTEAD[reader])
    if known and pa.types.is_interval(want.type):
        return interval_bytes(want)
    if known or type_ == want.type:
        return want.cast(type_)
    raise Rejected(f"{place}: the reader has {type_}, expected is {want.type}")


def interval_bytes(array):
    """The INTERVAL of Parquet: months, days and milliseconds."""

    def pack(months, days, nanoseconds):
        return struct.pack("<iii", months, days, nanoseconds // 10**6)

    return pa.array([cell and pack(*cell) for cell in array.to_pylist()], pa.binary(12))


def compare_values(place, got, want):
    if len(got) != len(want):
        raise Rejected(f"{place}: {len(got)} values, expected are {len(want)}")
    got_bits, want_bits = bits(got), bits(want)
    if not got_bits.equals(want_bits):
        pairs = enumerate(zip(got_bits, want_bits))
        row = next(row for row, (left, right) in pairs if not left.equals(right))
        raise Rejected(f"{place}, row {row}: {got[row]!r}, expected is {want[row]!r}")


def bits(array):
    """Floats as integers, for -0.0 is equal to 0.0 otherwise; all NaN are the same one."""
    if pa.types.is_float16(array.type):
        array = array.cast(pa.float32())
    if not pa.types.is_floating(array.type):
        return array
    nan = pa.scalar(float("nan"), array.type)
    array = pa.compute.if_else(pa.compute.is_nan(array), nan, array)
    return array.view(pa.int32() if pa.types.is_float32(array.type) else pa.int64())


# --- votlint ----------------------------------------------------------------------------------


def votlint(path):
    """The complaints of `stilts votlint`, which exits with 0 whatever it finds."""
    try:
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "out.txt")
            _, stderr = run_stilts("votlint", f"votable={path}", f"out={out}")
            with open(out, encoding="utf-8", errors="replace") as source:
                lines = source.read().splitlines() + stderr.splitlines()
    except Rejected as error:
        return [one_line(error)]
    return [line for line in lines if re.match(r"(WARNING|ERROR|FATAL)\b", line)]


# --- Requests ---------------------------------------------------------------------------------

READERS = {
    ("astropy", "votable"): read_votable_astropy,
    ("stilts", "votable"): read_votable_stilts,
    ("pyarrow", "csv"): read_text_pyarrow,
    ("pyarrow", "tsv"): read_text_pyarrow,
    ("duckdb", "csv"): read_text_duckdb,
    ("duckdb", "tsv"): read_text_duckdb,
    ("astropy", "csv"): read_text_astropy,
    ("astropy", "tsv"): read_text_astropy,
    ("stilts", "csv"): read_csv_stilts,
    ("pyarrow", "voparquet"): read_voparquet_pyarrow,
    ("duckdb", "voparquet"): read_voparquet_duckdb,
}


def one_line(error):
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:500]


def decode(request):
    reader = READERS.get((request["reader"], request["format"]))
    if reader is None:
        raise Rejected(f"no reader {request['reader']} for {request['format']}")
    schema = pa.ipc.open_file(request["schema"]).schema
    decoded = reader(request, schema)
    if len(decoded.arrays) != len(schema):
        raise Rejected(f"{len(decoded.arrays)} columns, expected are {len(schema)}")
    arrays = [exact_cast(a, f.type, f.name) for a, f in zip(decoded.arrays, schema)]
    fields = [pa.field(f.name, f.type, nullable=True) for f in schema]
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    with pa.ipc.new_file(request["out"], batch.schema) as writer:
        writer.write_batch(batch)
    assert set(decoded.losses) <= set(LOSSES)
    status, status_text = decoded.status
    return {
        "ok": True,
        "rows": batch.num_rows,
        "columns": decoded.columns,
        "names": decoded.names or [column["name"] for column in decoded.columns],
        "status": status,
        "status_text": status_text,
        "losses": list(decoded.losses),
        "warnings": list(decoded.notes),
    }


def answer(line):
    try:
        request = json.loads(line)
        if request["reader"] == "votlint":
            messages = votlint(request["path"])
            return {"ok": not messages, "messages": messages}
        if request["format"] == "parquet":
            return compare(request)
        return decode(request)
    except Exception as error:
        return {"ok": False, "error": one_line(error)}


def serve():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints to standard output must not stand between the answers
    for line in sys.stdin.buffer:
        if line.strip():
            answers.write(json.dumps(answer(line)) + "\n")
            answers.flush()


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "votlint":
        messages = votlint(arguments[1])
        print("\n".join(messages), end="\n" if messages else "")
        return 1 if messages else 0
    if arguments:
        print("usage: readers.py [votlint FILE]", file=sys.stderr)
        return 2
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
