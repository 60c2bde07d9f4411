//! The programs that read files.

use crate::process::Program;

/// A program that reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reader {
    /// The letter of the standard, in Python without any library.
    Plain,
    /// astropy: VOTable, FITS, ECSV, CSV and TSV.
    Astropy,
    /// STILTS: VOTable, FITS, ECSV and CSV.
    Stilts,
    /// `vot`, of the Rust crate `votable`.
    Vot,
    /// pyarrow: CSV, TSV, JSON lines, Arrow, and Parquet; the VOTable in the footer by astropy.
    Pyarrow,
    /// DuckDB: CSV, TSV, JSON lines and Parquet.
    Duckdb,
    /// polars: CSV, TSV, JSON lines, Arrow and Parquet.
    Polars,
    /// Python's `json`.
    Python,
    /// pyarrow 17: Parquet.
    Pyarrow17,
    /// DuckDB 1.4: Parquet.
    Duckdb14,
    /// polars 1.43: Parquet.
    Polars143,
    /// DataFusion: Parquet.
    Datafusion,
    /// DataFusion 50: Parquet.
    Datafusion50,
    /// arro3-io: Parquet.
    Arro3,
    /// fastparquet: Parquet.
    Fastparquet,
    /// STIL, the library of TOPCAT and STILTS: Parquet.
    Stil,
    /// parquet-java: Parquet.
    ParquetJava,
}

impl Reader {
    /// All readers of Parquet.
    pub const OF_PARQUET: [Self; 13] = [
        Self::Pyarrow,
        Self::Pyarrow17,
        Self::Duckdb,
        Self::Duckdb14,
        Self::Polars,
        Self::Polars143,
        Self::Datafusion,
        Self::Datafusion50,
        Self::Arro3,
        Self::Fastparquet,
        Self::Astropy,
        Self::Stil,
        Self::ParquetJava,
    ];

    /// Its name in requests.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Its name for the page, with the version if several versions are used.
    pub fn title(self) -> String {
        match self {
            Self::Pyarrow17 => "pyarrow 17".to_owned(),
            Self::Duckdb14 => "duckdb 1.4".to_owned(),
            Self::Polars143 => "polars 1.43".to_owned(),
            Self::Datafusion50 => "datafusion 50".to_owned(),
            Self::ParquetJava => "parquet-java".to_owned(),
            _ => self.name(),
        }
    }

    /// The program in which it runs, and its name there.
    pub(crate) fn program(self) -> (Program, String) {
        let (program, name) = match self {
            Self::Pyarrow17 => (Program::OlderPython, "pyarrow"),
            Self::Duckdb14 => (Program::OlderPython, "duckdb"),
            Self::Polars143 => (Program::OlderPython, "polars"),
            Self::Datafusion50 => (Program::OlderPython, "datafusion"),
            Self::Arro3 => (Program::OlderPython, "arro3"),
            Self::Stil => (Program::Java, "stil"),
            Self::Stilts => (Program::Stilts, "stil"),
            Self::ParquetJava => (Program::Java, "parquetjava"),
            _ => return (Program::Python, self.name()),
        };
        (program, name.to_owned())
    }
}
