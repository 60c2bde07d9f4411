"""VOTable as astropy reads it."""

import contextlib
import io
import warnings

import pyarrow as pa

from .core import COLUMN_KEYS, Decoded, Rejected, is_list, one_line
from .numpy_cells import column_of


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
    with whole_rows_only(), open(request["path"], "rb") as source:
        document, notes = parse_votable(source)
    resource = results_resource(document)
    table = resource.tables[0]
    arrays = [
        column_of(table.array[key], type_, field.name)
        for key, field, type_ in zip(table.array.dtype.names or (), table.fields, schema.types)
    ]
    columns = [votable_column(field) for field in table.fields]
    return Decoded(arrays, columns, ASTROPY_LOSSES, query_status(resource), notes=notes)


ASTROPY_LOSSES = ["null-is-empty-string", "nan-is-null", "null-is-false"]
