"""Which program reads which format."""

from .arrow_ipc import read_arrow_polars, read_arrow_pyarrow
from .dumps import DUMPS
from .fits import read_ecsv_astropy, read_ecsv_plain, read_fits_astropy
from .json_documents import (
    read_json_python,
    read_jsonl_duckdb,
    read_jsonl_polars,
    read_jsonl_python,
    read_jsonl_pyarrow,
)
from .libraries import read_datafusion, read_fastparquet, read_pyarrow
from .parquet import (
    FASTPARQUET_LOSSES,
    STIL_LOSSES,
    read_voparquet,
    read_voparquet_astropy,
    read_voparquet_duckdb,
    read_voparquet_polars,
)
from .rust_votable import read_votable_vot
from .stilts import read_stilts, read_text_stilts
from .text import read_text_astropy, read_text_duckdb, read_text_polars, read_text_pyarrow
from .votable import read_votable_astropy
from .votable_binary import read_votable_plain

READERS = {
    ("plain", "votable"): read_votable_plain,
    ("astropy", "votable"): read_votable_astropy,
    ("stilts", "votable"): read_stilts,
    ("vot", "votable"): read_votable_vot,
    ("pyarrow", "csv"): read_text_pyarrow,
    ("pyarrow", "tsv"): read_text_pyarrow,
    ("duckdb", "csv"): read_text_duckdb,
    ("duckdb", "tsv"): read_text_duckdb,
    ("polars", "csv"): read_text_polars,
    ("polars", "tsv"): read_text_polars,
    ("astropy", "csv"): read_text_astropy,
    ("astropy", "tsv"): read_text_astropy,
    ("stilts", "csv"): read_text_stilts,
    ("pyarrow", "voparquet"): read_voparquet(read_pyarrow),
    ("duckdb", "voparquet"): read_voparquet_duckdb,
    ("polars", "voparquet"): read_voparquet_polars,
    ("datafusion", "voparquet"): read_voparquet(read_datafusion),
    ("fastparquet", "voparquet"): read_voparquet(read_fastparquet, FASTPARQUET_LOSSES),
    ("astropy", "voparquet"): read_voparquet_astropy,
    ("pyarrow", "arrow"): read_arrow_pyarrow,
    ("polars", "arrow"): read_arrow_polars,
    ("python", "json"): read_json_python,
    ("python", "jsonl"): read_jsonl_python,
    ("pyarrow", "jsonl"): read_jsonl_pyarrow,
    ("duckdb", "jsonl"): read_jsonl_duckdb,
    ("polars", "jsonl"): read_jsonl_polars,
    ("astropy", "fits"): read_fits_astropy,
    ("stilts", "fits"): read_stilts,
    ("plain", "ecsv"): read_ecsv_plain,
    ("astropy", "ecsv"): read_ecsv_astropy,
    ("stilts", "ecsv"): read_stilts,
}

# What another process has read of VOParquet.
for reader, load in DUMPS.items():
    READERS[reader, "voparquet"] = read_voparquet(load, STIL_LOSSES if reader == "stil" else ())
