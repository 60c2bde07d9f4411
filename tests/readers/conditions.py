"""The rows for which conditions are true, as DuckDB finds them.

    python conditions.py FOLDER

FOLDER/table.arrow is an Arrow stream with a column id, and FOLDER/conditions.json a list of conditions. Prints, as JSON, a
list of ids for each condition, or DuckDB's error as text.
"""

import json
import pathlib
import re
import sys

import duckdb
import pyarrow as pa

folder = pathlib.Path(sys.argv[1])
rows = pa.ipc.open_stream(str(folder / "table.arrow")).read_all()
connection = duckdb.connect()
# A table of DuckDB's own, so that its reader of files has no part in the answer.
connection.execute("CREATE TABLE rows AS SELECT * FROM rows")
# DuckDB refuses the remainder of a division by zero, unless TRY makes it null.
remainder = re.compile(r"\w+ % \([^)]*\)")
answers = []
for condition in json.loads((folder / "conditions.json").read_text()):
    condition = remainder.sub(lambda match: f"TRY({match[0]})", condition)
    try:
        found = connection.execute(f"SELECT id FROM rows WHERE {condition} ORDER BY id").fetchall()
        answers.append([row[0] for row in found])
    except duckdb.Error as error:
        answers.append(str(error))
print(json.dumps(answers))
