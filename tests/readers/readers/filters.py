"""Filters of the libraries on every column of a Parquet file, against the same filters on all rows in memory.

Runs with the older versions too. The column `row` has the numbers of the rows.
"""

import operator

import pyarrow as pa

from .core import duckdb_connection, one_line, sql_text
from .libraries import datafusion_context, datafusion_frame, read_datafusion

OPERATORS = {"<": operator.lt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne}
IS_NULL = "is null"
# Rows of which the values are taken.
ROWS_OF_VALUES = 3


class Library:
    """A library with a file; `found` filters the file, and `scanned` the rows in memory."""

    operators = list(OPERATORS)


class Pyarrow(Library):
    def __init__(self, path):
        from pyarrow import dataset, parquet

        self.file = dataset.dataset(path)
        self.table = parquet.read_table(path)

    def columns(self):
        return self.table.column_names

    def values(self, name):
        return [value for value in spread(self.table[name]) if value.is_valid]

    def filter(self, name, comparison, value):
        field = pa.compute.field(name)
        return field.is_null() if comparison == IS_NULL else OPERATORS[comparison](field, value)

    def found(self, name, comparison, value):
        filter_ = self.filter(name, comparison, value)
        return self.file.to_table(columns=["row"], filter=filter_, use_threads=False)["row"].to_pylist()

    def scanned(self, name, comparison, value):
        rows = self.table.select(["row", name])
        return rows.filter(self.filter(name, comparison, value))["row"].to_pylist()


class Polars(Library):
    def __init__(self, path):
        import polars

        self.polars, self.path = polars, path
        self.frame = polars.read_parquet(path)

    def columns(self):
        return self.frame.columns

    def values(self, name):
        column = self.frame[name]
        if column.dtype.is_temporal():
            # Python's types have neither nanoseconds nor years after 9999.
            column = column.to_physical()
        return [value for value in spread(column) if value is not None]

    def filter(self, name, comparison, value):
        column, type_ = self.polars.col(name), self.frame[name].dtype
        if comparison == IS_NULL:
            return column.is_null()
        literal = self.polars.lit(value).cast(type_) if type_.is_temporal() else self.polars.lit(value, dtype=type_)
        return OPERATORS[comparison](column, literal)

    def found(self, name, comparison, value):
        rows = self.polars.scan_parquet(self.path).filter(self.filter(name, comparison, value))
        return rows.select("row").collect()["row"].to_list()

    def scanned(self, name, comparison, value):
        return self.frame.filter(self.filter(name, comparison, value))["row"].to_list()


class Duckdb(Library):
    def __init__(self, path):
        self.connection = duckdb_connection()
        self.connection.execute("SET parquet_metadata_cache = true")
        self.source = f"read_parquet({sql_text(path)})"
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE rows_of_file AS FROM {self.source}")
        described = self.connection.execute("DESCRIBE rows_of_file").fetchall()
        self.types = {name: type_ for name, type_, *_ in described}

    def columns(self):
        return list(self.types)

    def values(self, name):
        # As text, which DuckDB casts back without a loss; Python's types have no nanoseconds.
        query = f"SELECT CAST({quoted(name)} AS VARCHAR) FROM rows_of_file ORDER BY row"
        cells = [cell for (cell,) in self.connection.execute(query).fetchall()]
        return [value for value in spread(cells) if value is not None]

    def rows(self, source, name, comparison, value):
        query = f"SELECT row FROM {source} WHERE {quoted(name)} "
        if comparison == IS_NULL:
            rows = self.connection.execute(query + "IS NULL")
        else:
            comparison = {"==": "="}.get(comparison, comparison)
            rows = self.connection.execute(f"{query}{comparison} CAST(? AS {self.types[name]})", [value])
        return sorted(row for (row,) in rows.fetchall())

    def found(self, name, comparison, value):
        return self.rows(self.source, name, comparison, value)

    def scanned(self, name, comparison, value):
        return self.rows("rows_of_file", name, comparison, value)


class Datafusion(Library):
    def __init__(self, path):
        import datafusion

        self.datafusion, self.path, self.context = datafusion, path, datafusion_context()
        self.table = read_datafusion(path)
        self.memory = self.context.create_dataframe([self.table.to_batches()])
        self.file = datafusion_frame(self.context, path)

    def columns(self):
        return self.table.column_names

    def values(self, name):
        return [value for value in spread(self.table[name]) if value.is_valid]

    def rows(self, frame, name, comparison, value):
        column = self.datafusion.col(quoted(name))
        if comparison == IS_NULL:
            filter_ = column.is_null()
        else:
            filter_ = OPERATORS[comparison](column, self.datafusion.lit(value))
        batches = frame.filter(filter_).select("row").collect()
        return [row for batch in batches for row in batch.column(0).to_pylist()]

    def found(self, name, comparison, value):
        return self.rows(self.file, name, comparison, value)

    def scanned(self, name, comparison, value):
        return self.rows(self.memory, name, comparison, value)


class Fastparquet(Library):
    def __init__(self, path):
        import fastparquet

        self.file = fastparquet.ParquetFile(path)
        self.frames = {}

    def columns(self):
        return self.file.columns

    def frame(self, name):
        if name not in self.frames:
            self.frames[name] = self.file.to_pandas(columns=["row", name])
        return self.frames[name]

    def values(self, name):
        column = self.frame(name)[name]
        return [v for v, is_null in zip(spread(list(column)), spread(list(column.isna()))) if not is_null]

    def found(self, name, comparison, value):
        if comparison == IS_NULL:
            raise NotImplementedError("no filter for nulls")
        filters = [(name, comparison, value)]
        rows = self.file.to_pandas(columns=["row"], filters=filters, row_filter=True)
        return [int(row) for row in rows["row"]]

    def scanned(self, name, comparison, value):
        frame = self.frame(name)
        passes = OPERATORS[comparison](frame[name], value).to_numpy(dtype=bool, na_value=False)
        return [int(row) for row in frame["row"][passes]]


class Astropy(Library):
    # In memory, a null float is NaN, which differs from every number.
    operators = ["<", ">=", "=="]

    def __init__(self, path):
        from astropy.table import Table

        self.read = lambda **options: Table.read(path, format="parquet", **options)
        self.names = self.read(schema_only=True).colnames
        self.tables = {}

    def columns(self):
        return self.names

    def column(self, name):
        if name not in self.tables:
            self.tables[name] = self.read(include_names=["row", name])
        return self.tables[name][name]

    def values(self, name):
        import numpy

        column = self.column(name)
        mask = spread(list(numpy.ma.getmaskarray(column)))
        values = spread(list(numpy.ma.getdata(column)))
        values = [value.item() if hasattr(value, "item") else value for value in values]
        return [value for value, is_null in zip(values, mask) if not is_null and value is not None]

    def found(self, name, comparison, value):
        if comparison == IS_NULL:
            raise NotImplementedError("no filter for nulls")
        return list(self.read(include_names=["row"], filters=[(name, comparison, value)])["row"])

    def scanned(self, name, comparison, value):
        import numpy

        passes = OPERATORS[comparison](self.column(name), value)
        passes = numpy.ma.filled(passes, False)
        return list(self.tables[name]["row"][passes])


FILTERS = {
    "pyarrow": Pyarrow,
    "polars": Polars,
    "duckdb": Duckdb,
    "datafusion": Datafusion,
    "fastparquet": Fastparquet,
    "astropy": Astropy,
}


def spread(cells):
    """Some cells, from the first to the last."""
    step = max(len(cells) // ROWS_OF_VALUES, 1)
    return [cells[row] for row in range(0, len(cells), step)]


def is_nested(value):
    """Lists, structs and maps are filtered for nulls alone."""
    if isinstance(value, pa.Scalar):
        return pa.types.is_nested(value.type)
    return isinstance(value, (list, dict, tuple)) or type(value).__name__ in ("Series", "ndarray")


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def check(request):
    """Answers with the number of filters, the columns on which rows differ, and those that take no filter."""
    library = FILTERS[request["reader"]](request["path"])
    filters, differences, unfiltered = 0, {}, {}
    for name in library.columns():
        if name == "row":
            continue
        try:
            values = [value for value in library.values(name) if not is_nested(value)]
            for comparison, value in comparisons(values, library.operators):
                try:
                    found = library.found(name, comparison, value)
                except NotImplementedError as error:
                    if comparison != IS_NULL:
                        raise
                    continue
                scanned = library.scanned(name, comparison, value)
                filters += 1
                if sorted(found) != sorted(scanned):
                    text = f"{comparison} {value}: {len(found)} rows, a scan finds {len(scanned)}"
                    differences[name] = text
                    break
        except Exception as error:
            unfiltered[name] = one_line(error)
        except BaseException as panic:  # of polars, which is no Exception
            if type(panic).__name__ != "PanicException":
                raise
            unfiltered[name] = one_line(panic)
    return {"ok": True, "filters": filters, "differences": differences, "unfiltered": unfiltered}


def comparisons(values, operators):
    yield IS_NULL, None
    for value in values:
        for comparison in operators:
            yield comparison, value
