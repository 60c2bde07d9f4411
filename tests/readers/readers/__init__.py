"""Independent readers of the formats that Taploom writes.

`python -m readers` reads one JSON request a line from standard input and answers each with one JSON
line on standard output, until the input ends. Whatever else a library prints goes to standard error.

    {"reader": NAME, "format": ID,               (see READERS in matrix.py)
     "path": FILE,
     "schema": Arrow IPC file without rows: the expected column names and carriers,
     "fields": [{"datatype": ..., "arraysize": ...}],     (what the carriers carry; may be left out)
     "options": {NAME: VALUE},                            (of the format; may be left out)
     "out": Arrow IPC file to write}

    {"ok": true, "rows": N, "columns": [...], "names": [...], "status": ..., "status_text": ...,
     "losses": [...], "warnings": [...]}
    {"ok": false, "error": "one line"}           the reader rejects the file, or a cell is not exact

"out" gets one record batch with the names of "schema". Lists are flat, a complex number is two
elements. Cells are cast only where the value stays the same, and anything else is an error. "columns"
and "names" are what the reader itself reports: names are *not* compared with the schema here, their
number is. "columns" have the keys of COLUMN_KEYS, null where the reader says nothing. "status" is the
value of the last INFO named QUERY_STATUS directly within the results RESOURCE, "status_text" its text.

"losses" is what the reader, or the format, is known to lose, by the names of tests/src/losses.rs.

    {"reader": "votlint" | "validator" | "schema", "path": FILE}
    {"reader": "vocabulary", "columns": [{"unit": ..., "ucd": ...}]}

    {"ok": bool, "messages": [...]}

A Parquet file with columns of any type is compared here with the rows that were written:

    {"reader": NAME,                             (see LIBRARIES in libraries.py, DUMPS in dumps.py)
     "format": "parquet",
     "path": FILE,
     "written": Arrow IPC stream}

    {"ok": true, "rows": N, "differences": {COLUMN: "one line"}}
    {"ok": false, "error": "one line"}           the reader rejects the file

"differences" has the columns of which the type or a cell is another one.

Older versions of some libraries run in a process of their own, of the same package; STIL and parquet-java in one that
tests/readers/java has, and the STIL of STILTS in another. These write what they have read to a file, which a second request names as
"dump" beside "path":

    {"reader": NAME, "task": "dump", "path": FILE, "out": Arrow IPC stream to write}

Filters on every column, which find in a file the rows that they find in memory:

    {"reader": NAME, "task": "filters", "path": FILE}

    {"ok": true, "filters": N, "differences": {COLUMN: "one line"}, "unfiltered": {COLUMN: "one line"}}

"differences" has the columns on which a filter finds other rows, "unfiltered" those that take no filter.

vot, and STILTS as a validator, are started once a request; `stilts` has to be on the PATH.
"""
