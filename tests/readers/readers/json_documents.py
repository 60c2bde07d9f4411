"""JSON: a document with FIELDs and rows, and a line for each row."""

import json

import pyarrow as pa

from .core import (
    COLUMN_KEYS,
    Decoded,
    Rejected,
    duckdb_connection,
    fields_of,
    is_list,
    named_columns,
    sql_text,
)

WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def strict(text):
    """JSON of RFC 8259: no NaN, no name twice."""

    def no_constant(word):
        raise Rejected(f"{word} is no JSON")

    def pairs(items):
        names = [name for name, _ in items]
        if len(set(names)) != len(names):
            raise Rejected(f"a name stands twice in an object: {names}")
        return dict(items)

    return json.loads(text, parse_constant=no_constant, object_pairs_hook=pairs)


def read_json_python(request, schema):
    with open(request["path"], encoding="utf-8") as source:
        document = strict(source.read())
    fields = document["metadata"]
    columns = [{key: None for key in COLUMN_KEYS} | field for field in fields]
    rows = document["data"]
    if any(len(row) != len(schema) for row in rows):
        raise Rejected(f"a row has another number of cells than {len(schema)}")
    arrays = [
        array([row[index] for row in rows], field, type_, name)
        for index, (field, type_, name) in enumerate(
            zip(fields_of(request, schema), schema.types, schema.names)
        )
    ]
    return Decoded(arrays, columns, (), json_status(document))


def json_status(document):
    status = document["status"]
    if isinstance(status, dict):
        return status["value"], status.get("message")
    return status, document.get("message")


def read_jsonl_python(request, schema):
    with open(request["path"], encoding="utf-8", newline="\n") as source:
        text = source.read()
    if text and not text.endswith("\n"):
        raise Rejected("the last line has no end")
    rows = [strict(line) for line in text.split("\n")[:-1]]
    # Without rows there are no names.
    names = list(rows[0]) if rows else unique(schema.names)
    if any(list(row) != names for row in rows):
        raise Rejected("rows have other names")
    if len(names) != len(schema):
        raise Rejected(f"{len(names)} columns, expected are {len(schema)}")
    arrays = [
        array([row[name] for row in rows], field, type_, name)
        for name, field, type_ in zip(names, fields_of(request, schema), schema.types)
    ]
    return Decoded(arrays, named_columns(names))


def unique(names):
    """The names that columns get whose own are taken."""
    taken, result = set(names), []
    for name in names:
        unique_name, number = name, 2
        while unique_name in result or (unique_name != name and unique_name in taken):
            unique_name, number = f"{name}_{number}", number + 1
        result.append(unique_name)
    return result


def array(cells, field, type_, name):
    if is_list(type_):
        inner, element = inner_extents(field), type_.value_type
        cells = [c if c is None else flat(c, inner, element, name) for c in cells]
    else:
        cells = [value(cell, type_, name) for cell in cells]
    return pa.array(cells, type_)


def inner_extents(field):
    """The extents of the lists within the list of a cell, the innermost last."""
    dimensions = (field["arraysize"] or "").split("x")
    if field["datatype"] in ("char", "unicodeChar"):
        dimensions = dimensions[1:]
    extents = [int(extent) for extent in reversed(dimensions[:-1])]
    if field["datatype"].endswith("Complex"):
        # The pair of a scalar is the cell itself.
        extents = extents + [2] if field["arraysize"] else []
    return extents


def flat(cell, inner, element, name):
    if not isinstance(cell, list):
        raise Rejected(f"column {name}: {cell!r} is no array")
    if not inner:
        return [value(item, element, name) for item in cell]
    values = []
    for item in cell:
        if not isinstance(item, list) or len(item) != inner[0]:
            raise Rejected(f"column {name}: {item!r} is no array of {inner[0]}")
        values.extend(flat(item, inner[1:], element, name))
    return values


def value(cell, type_, name):
    """A JSON value of just the type that the column has."""
    if cell is None:
        return None
    if pa.types.is_floating(type_):
        if isinstance(cell, str) and cell in WORDS:
            return WORDS[cell]
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            return float(cell)
    elif pa.types.is_boolean(type_) and isinstance(cell, bool):
        return cell
    elif pa.types.is_integer(type_) and isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    elif pa.types.is_string(type_) and isinstance(cell, str):
        return cell
    raise Rejected(f"column {name}: {cell!r} is no {type_}")


def read_jsonl_pyarrow(request, schema):
    from pyarrow import json as arrow_json

    options = arrow_json.ParseOptions(
        explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="error"
    )
    table = arrow_json.read_json(request["path"], parse_options=options)
    return Decoded(table.columns, named_columns(table.column_names))


def duckdb_type(type_):
    from .text import DUCKDB_TYPES

    return f"{DUCKDB_TYPES[type_.value_type]}[]" if is_list(type_) else DUCKDB_TYPES[type_]


def read_jsonl_duckdb(request, schema):
    columns = ", ".join(f"{sql_text(f.name)}: '{duckdb_type(f.type)}'" for f in schema)
    query = f"""SELECT * FROM read_json({sql_text(request["path"])}, columns = {{{columns}}},
        format = 'newline_delimited')"""
    table = duckdb_connection().sql(query).to_arrow_table()
    return Decoded(table.columns, named_columns(table.column_names))


def read_jsonl_polars(request, schema):
    import polars

    types = {f.name: polars.from_arrow(pa.array([], f.type)).dtype for f in schema}
    table = polars.read_ndjson(request["path"], schema=types).to_arrow()
    return Decoded(table.columns, named_columns(table.column_names))
