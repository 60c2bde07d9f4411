"""What `cargo xtask bench sample` runs: files to sample, the same sample by other programs, and checks.

    python sample.py make KIND ROWS FILE
    python sample.py pyarrow|duckdb|polars FILE OUT KIND
    python sample.py check FILE ROWS KIND [in-any-order]
    python sample.py make-groups integers|uuids GROUPS FILE
    python sample.py check-groups FILE GROUPS

`make` writes a table of 1,000 groups of 1,000 ids with polars. A KIND is an order and a width, such as `sorted-light`. In `sorted`, the
rows of a group are next to each other, and within the group the rows of an id; `shuffled` has the same rows in random order. Beside the
group and the id, `light` has the number of each row within its id, and `heavy` has the number of each row in the table and a double, both
without repetitions. `pages` has 10 ids in every group; pyarrow writes it without dictionaries, and each page of the group and the id has
a single value. Every program keeps all rows of the first 10 ids of every group (of `pages`, the first 2). `check` says whether a file has
exactly these rows, in the order of the input.

`make-groups` writes two rows for every group, each with a different id, in random order, with DuckDB. `check-groups` says whether a file
has one row for every group.
"""

import os
import sys

GROUPS = 1000
# More rows are written in parts of this many, which are then joined.
IN_MEMORY = 100_000_000


def number(kind):
    """How many ids are kept of every group."""
    return 2 if kind == "pages" else 10


def table(kind, rows, start, count):
    """`count` rows from `start` on."""
    import numpy

    row = numpy.arange(start, start + count, dtype=numpy.int64)
    place = row
    if kind.startswith("shuffled"):
        place = numpy.random.default_rng(1).permutation(rows)[start : start + count]
    ids_of_group = 10 if kind == "pages" else 1000
    of_group = max(1, rows // GROUPS)
    of_id = max(1, of_group // ids_of_group)
    group = place // of_group
    id_ = place % of_group // of_id
    if kind.endswith("light"):
        return {"group": group, "id": id_, "number": (place % of_id).astype(numpy.int32)}
    value = (row * 2_654_435_761 % 1_000_003).astype(numpy.float64) / 1_000
    return {"row": row, "group": group, "id": id_, "value": value}


def columns_of(kind, rows, start, count):
    """The same as `table`, for which temporary arrays of all rows would take too much memory."""
    import numpy

    step = min(count, 10_000_000)
    parts = [table(kind, rows, first, min(step, start + count - first)) for first in range(start, start + count, step)]
    return {name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]}


def make(kind, rows, path):
    if kind == "pages":
        import pyarrow
        import pyarrow.parquet

        # Pages of keys that have one group and one id, as values.
        of_id = max(1, rows // GROUPS // 10)
        pyarrow.parquet.write_table(
            pyarrow.table(columns_of(kind, rows, 0, rows)),
            path,
            use_dictionary=False,
            write_page_index=True,
            row_group_size=of_id * 100,
            max_rows_per_page=min(of_id, 20_000),
        )
    else:
        import polars

        def write(start, count, to):
            polars.DataFrame(columns_of(kind, rows, start, count)).write_parquet(to)

        if rows <= IN_MEMORY:
            return write(0, rows, path)
        parts = {start: f"{path}.{start}" for start in range(0, rows, IN_MEMORY)}
        for start, part in parts.items():
            write(start, min(IN_MEMORY, rows - start), part)
        polars.scan_parquet(list(parts.values())).sink_parquet(path)
        for part in parts.values():
            os.remove(part)


def by_pyarrow(source, out, kind):
    import pyarrow
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(source)
    most = number(kind)
    seen = {}
    waiting, waiting_rows = [], 0
    with pyarrow.parquet.ParquetWriter(out, file.schema_arrow) as writer:

        def write():
            nonlocal waiting, waiting_rows
            if waiting:
                writer.write_table(pyarrow.Table.from_batches(waiting))
            waiting, waiting_rows = [], 0

        for batch in file.iter_batches(batch_size=1024):
            keep = []
            for group, id_ in zip(batch.column("group").to_pylist(), batch.column("id").to_pylist()):
                ids = seen.setdefault(group, set())
                if id_ not in ids and len(ids) < most:
                    ids.add(id_)
                keep.append(id_ in ids)
            kept = batch.filter(pyarrow.array(keep))
            if kept.num_rows:
                waiting.append(kept)
                waiting_rows += kept.num_rows
            if waiting_rows >= 100_000:
                write()
        write()


def by_duckdb(source, out, kind):
    import duckdb

    connection = duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})
    connection.execute(
        f"""COPY (
            SELECT * FROM read_parquet('{source}') WHERE (\"group\", id) IN (
                SELECT (\"group\", id) FROM (
                    SELECT \"group\", id, min(file_row_number) AS first
                    FROM read_parquet('{source}', file_row_number = true) GROUP BY \"group\", id
                ) QUALIFY row_number() OVER (PARTITION BY \"group\" ORDER BY first) <= {number(kind)}
            )
        ) TO '{out}' (FORMAT parquet)"""
    )


def by_polars(source, out, kind):
    import polars

    rows = polars.scan_parquet(source)
    ids = polars.col("id").unique(maintain_order=True).head(number(kind))
    firsts = rows.group_by("group", maintain_order=True).agg(ids).explode("id")
    kept = rows.join(firsts, on=["group", "id"], how="semi", maintain_order="left")
    kept.collect(engine="streaming").write_parquet(out)


def check(path, rows, kind, order="in-order"):
    import numpy
    import pyarrow
    import pyarrow.parquet

    step = min(rows, 10_000_000)
    most = number(kind)
    seen, parts = {}, []
    for start in range(0, rows, step):
        part = table(kind, rows, start, min(step, rows - start))
        pairs = part["group"] * (1 << 32) + part["id"]
        distinct, first = numpy.unique(pairs, return_index=True)
        for pair in distinct[numpy.argsort(first)].tolist():
            ids = seen.setdefault(pair >> 32, set())
            if len(ids) < most:
                ids.add(pair)
        kept = numpy.array(sorted(pair for ids in seen.values() for pair in ids))
        is_kept = numpy.isin(pairs, kept)
        parts.append({name: values[is_kept] for name, values in part.items()})
    expected = pyarrow.table({name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]})
    found = pyarrow.parquet.read_table(path)
    if order == "in-any-order":
        keys = [(name, "ascending") for name in expected.column_names]
        found, expected = found.sort_by(keys), expected.sort_by(keys)
    for name in expected.column_names:
        if not numpy.array_equal(found.column(name).to_numpy(), expected.column(name).to_numpy()):
            sys.exit(f"{path}: column {name} differs from what is expected")


def make_groups(keys, groups, path):
    import duckdb

    # A hash of the number makes keys that are not in order, and none of them twice.
    key = {
        "integers": "(({number} * 2654435761 + {salt}) % 1000000007)::BIGINT",
        "uuids": "md5('{salt} ' || {number})::UUID::VARCHAR",
    }[keys]
    group = key.format(number=f"(range % {groups})", salt=1)
    id_ = key.format(number="range", salt=2)
    duckdb.connect(config={"preserve_insertion_order": True}).execute(
        f"""COPY (SELECT {group} AS "group", {id_} AS id, range AS row FROM range({2 * groups}))
        TO '{path}' (FORMAT parquet)"""
    )


def check_groups(path, groups):
    import numpy
    import pyarrow.parquet

    rows = pyarrow.parquet.read_table(path, columns=["row"]).column("row").to_numpy()
    if not numpy.array_equal(rows, numpy.arange(groups)):
        sys.exit(f"{path}: not the first row of each of {groups} groups")


command, *arguments = sys.argv[1:]
if command == "make":
    make(arguments[0], int(arguments[1]), arguments[2])
elif command == "check":
    check(arguments[0], int(arguments[1]), *arguments[2:])
elif command == "make-groups":
    make_groups(arguments[0], int(arguments[1]), arguments[2])
elif command == "check-groups":
    check_groups(arguments[0], int(arguments[1]))
else:
    {"pyarrow": by_pyarrow, "duckdb": by_duckdb, "polars": by_polars}[command](*arguments)
