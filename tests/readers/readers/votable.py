"""VOTable as astropy reads it."""

import io
import warnings

from .core import COLUMN_KEYS, Decoded, one_line
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


def read_votable_astropy(request, schema):
    with open(request["path"], "rb") as source:
        document, notes = parse_votable(source)
    resource = results_resource(document)
    table = resource.tables[0]
    arrays = [
        column_of(table.array[key], type_, field.name)
        for key, field, type_ in zip(table.array.dtype.names or (), table.fields, schema.types)
    ]
    columns = [votable_column(field) for field in table.fields]
    return Decoded(arrays, columns, ASTROPY_LOSSES, query_status(resource), notes=notes)


ASTROPY_LOSSES = [
    "null-is-empty-string",
    "nan-is-null",
    "nan-element-is-null",
    "nan-complex-is-null",
    "list-of-nulls-is-null",
    "null-list-is-empty",
    "text-is-trimmed",
]
