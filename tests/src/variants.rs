//! Every format, with the options that change the output, and its readers.

use taploom::{Datatype, EncoderPlugin, Options, Result, VoType};
use taploom_testkit::{COLUMN_METADATA, KeptMetadata, Oracle, Subject};

use crate::reader::Reader;

/// A format with options.
pub struct Variant {
    /// The id of the format.
    pub id: &'static str,
    /// Options that differ from their default.
    pub options: &'static [(&'static str, &'static str)],
    /// The programs that read it; the first is the oracle of the suite.
    pub readers: &'static [Reader],
    /// Whether columns with the same name are renamed.
    pub unique_names: bool,
    /// Whether the format refuses a type.
    pub refuses: fn(&VoType) -> bool,
    /// The largest number of columns.
    pub most_columns: Option<usize>,
    /// The value of a datatype that stands for null, so that no cell may have it.
    pub reserves: fn(Datatype) -> Option<i64>,
    /// Whether the variant is in the page of readers.
    pub in_matrix: bool,
    /// Whether cells of a type may be null.
    pub has_null: fn(&VoType) -> bool,
    /// The metadata that the format keeps.
    pub keeps: KeptMetadata,
}

const PLAIN: Variant = Variant {
    id: "",
    options: &[],
    readers: &[],
    unique_names: false,
    refuses: |_| false,
    most_columns: None,
    reserves: |_| None,
    in_matrix: true,
    has_null: |_| true,
    keeps: KeptMetadata::NONE,
};

const VOTABLE: Variant = Variant {
    id: "votable",
    readers: &[Reader::Plain, Reader::Astropy, Reader::Stilts, Reader::Vot],
    keeps: KeptMetadata::ALL,
    ..PLAIN
};
const VOPARQUET: Variant = Variant {
    id: "voparquet",
    readers: &Reader::OF_PARQUET,
    unique_names: true,
    keeps: KeptMetadata::ALL,
    ..PLAIN
};
const CSV: Variant = Variant {
    id: "csv",
    readers: &[Reader::Pyarrow, Reader::Duckdb, Reader::Polars, Reader::Astropy, Reader::Stilts],
    ..PLAIN
};
const TSV: Variant = Variant {
    id: "tsv",
    readers: &[Reader::Pyarrow, Reader::Duckdb, Reader::Polars, Reader::Astropy],
    ..PLAIN
};

const JSON: Variant = Variant {
    id: "json",
    readers: &[Reader::Python],
    keeps: KeptMetadata { columns: COLUMN_METADATA, table: &[] },
    ..PLAIN
};
const JSONL: Variant = Variant {
    id: "jsonl",
    readers: &[Reader::Python, Reader::Pyarrow, Reader::Duckdb, Reader::Polars],
    unique_names: true,
    ..PLAIN
};

const FITS: Variant = Variant {
    id: "fits",
    readers: &[Reader::Astropy, Reader::Stilts],
    unique_names: true,
    refuses: |t| t.datatype.is_text() && t.is_list() && t.fixed_elements().is_none(),
    most_columns: Some(999),
    has_null: not_of_fixed_bits,
    keeps: KeptMetadata { columns: &["unit", "ucd", "utype", "description"], table: &[] },
    ..PLAIN
};
const ECSV: Variant = Variant {
    id: "ecsv",
    readers: &[Reader::Plain, Reader::Astropy],
    unique_names: true,
    keeps: KeptMetadata {
        columns: &["unit", "ucd", "utype", "xtype", "description"],
        table: &["name", "description"],
    },
    ..PLAIN
};
const ARROW: Variant = Variant {
    id: "arrow",
    readers: &[Reader::Pyarrow, Reader::Polars],
    unique_names: true,
    keeps: KeptMetadata::ALL,
    ..PLAIN
};

/// All variants.
pub const VARIANTS: &[Variant] = &[
    VOTABLE,
    Variant { options: &[("line_length", "64")], in_matrix: false, ..VOTABLE },
    Variant {
        options: &[("array_count", "outer")],
        readers: &[Reader::Plain, Reader::Astropy, Reader::Vot],
        ..VOTABLE
    },
    Variant {
        options: &[("serialization", "BINARY")],
        reserves: rarest,
        has_null: not_of_fixed_bits,
        ..VOTABLE
    },
    Variant { options: &[("serialization", "TABLEDATA")], ..VOTABLE },
    VOPARQUET,
    Variant {
        options: &[("compression", "zstd"), ("encoding", "plain"), ("row_group_rows", "7")],
        in_matrix: false,
        ..VOPARQUET
    },
    CSV,
    TSV,
    JSON,
    JSONL,
    FITS,
    ECSV,
    ARROW,
    Variant { options: &[("compression", "lz4")], in_matrix: false, ..ARROW },
];

/// Bits and fixed arrays of bits can't be null. A null array of bits without a fixed length is
/// written as an empty one.
fn not_of_fixed_bits(vo_type: &VoType) -> bool {
    vo_type.datatype != Datatype::Bit || vo_type.is_list() && vo_type.fixed_elements().is_none()
}

/// The integer that stands for null if the metadata give none.
fn rarest(datatype: Datatype) -> Option<i64> {
    match datatype {
        Datatype::UnsignedByte => Some(u8::MAX.into()),
        Datatype::Short => Some(i16::MIN.into()),
        Datatype::Int => Some(i32::MIN.into()),
        Datatype::Long => Some(i64::MIN),
        _ => None,
    }
}

impl Variant {
    /// The variants of a format.
    pub fn of(id: &str) -> impl Iterator<Item = &'static Self> {
        VARIANTS.iter().filter(move |variant| variant.id == id)
    }

    /// `votable[serialization=TABLEDATA]`
    pub fn name(&self) -> String {
        let options: Vec<String> =
            self.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        match options.as_slice() {
            [] => self.id.to_owned(),
            options => format!("{}[{}]", self.id, options.join(",")),
        }
    }

    /// The options.
    ///
    /// # Errors
    /// If an option is given twice.
    pub fn parsed_options(&self) -> Result<Options> {
        let mut options = Options::default();
        for (name, value) in self.options {
            options.set(name, *value)?;
        }
        Ok(options)
    }

    /// The subject of the conformance suite.
    ///
    /// # Errors
    /// If the format does not know the options.
    pub fn subject<'a>(
        &self,
        plugin: EncoderPlugin,
        oracle: &'a mut dyn Oracle,
    ) -> Result<Subject<'a>> {
        let options = self.parsed_options()?;
        plugin.check(&options)?;
        let subject = Subject::new(plugin, oracle)
            .with_options(options)
            .refusing(self.refuses)
            .reserving(self.reserves)
            .with_nulls_in(self.has_null)
            .keeping(self.keeps);
        Ok(match self.most_columns {
            Some(most) => subject.with_columns_at_most(most),
            None => subject,
        })
    }
}
