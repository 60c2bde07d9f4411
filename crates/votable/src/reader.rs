//! VOTable documents read, batch by batch.

mod base64_text;
mod binary;
mod cells;
mod document;
mod elements;
mod input;
mod passed_over;
mod table;
mod table_data;
mod xml;

use std::io::Read;

use arrow_array::RecordBatch;
use taploom_model::{Error, ErrorKind, Result, ResultSchema, TableMetadata};

use self::binary::BinaryRows;
pub use self::binary::{Charset, CountOf};
use self::cells::Cells;
use self::document::Document;
pub use self::document::TableChoice;
use self::table::Serialization;
use self::table_data::TableDataRows;
use self::xml::Xml;

/// How a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// The TABLE, where there are several.
    pub table: TableChoice,
    /// The count before arrays of several dimensions in BINARY and BINARY2.
    pub count_of: CountOf,
    /// The bytes of `char` in BINARY and BINARY2.
    pub charset: Charset,
    /// Bytes that one cell, one tag, and all metadata together may take; a batch ends before its part
    /// of the document is a quarter of that. 64 MiB.
    pub memory_limit: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            table: TableChoice::default(),
            count_of: CountOf::default(),
            charset: Charset::default(),
            memory_limit: 64 << 20,
        }
    }
}

/// A VOTable document of version 1.0 to 1.5 that is read from its start to its end.
///
/// It is parsed up to the rows at first: [`schema`](Self::schema) has the columns and what stands
/// before the rows. [`next_batch`](Self::next_batch) gives the rows of TABLEDATA, or of BINARY or
/// BINARY2 in base64, and behind the last of them reads the rest of the document: only `None` says
/// that it is whole. What stands there is [`late`](Self::late). Rows are never held but those of one
/// batch.
///
/// Every cell may be null. In BINARY2 the flags say which are; in BINARY and within arrays the null
/// of VALUES does, in TABLEDATA an empty TD as well. NaN is a number.
///
/// ```
/// use taploom_votable::VotableReader;
///
/// let document = r#"<VOTABLE version="1.4"><RESOURCE><TABLE name="stars">
///   <FIELD name="n" datatype="int"/><FIELD name="colours" datatype="float" arraysize="*" unit="mag"/>
///   <DATA><TABLEDATA>
///     <TR><TD>1</TD><TD>0.5 -1.25</TD></TR>
///     <TR><TD></TD><TD/></TR>
///   </TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"#;
/// let mut reader = VotableReader::new(document.as_bytes())?;
/// assert_eq!(reader.schema().columns()[1].metadata().unit.as_deref(), Some("mag"));
/// let batch = reader.next_batch(1000)?.unwrap();
/// assert_eq!((batch.num_rows(), batch.column(0).null_count()), (2, 1));
/// assert!(reader.next_batch(1000)?.is_none());
/// # Ok::<(), taploom_model::Error>(())
/// ```
pub struct VotableReader<R> {
    xml: Xml<R>,
    document: Document,
    schema: ResultSchema,
    columns: Vec<Cells>,
    serialization: Serialization,
    rows: Rows,
    rows_read: u64,
    rows_said: Option<u64>,
    late: Option<TableMetadata>,
    memory_limit: usize,
}

enum Rows {
    TableData(TableDataRows),
    Binary(Box<BinaryRows>),
    /// All rows were read, or there are none; the rest of the document follows.
    End,
    /// The whole document was read.
    Whole,
    Failed,
}

impl<R: Read> VotableReader<R> {
    /// Reads up to the rows of the only TABLE.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(source: R) -> Result<Self> {
        Self::with_options(source, ReadOptions::default())
    }

    /// Reads up to the rows of the TABLE that is wanted. The source needs no buffer.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] for what is damaged or reports a failed query,
    /// [`ErrorKind::InvalidRequest`] for XML that is no VOTable, for a TABLE that is not there and for
    /// rows in a form that is not read, [`ErrorKind::UnsupportedColumn`] for a FIELD without a datatype
    /// of VOTable, [`ErrorKind::Resources`] where the memory limit does not suffice.
    pub fn with_options(source: R, options: ReadOptions) -> Result<Self> {
        let memory_limit = options.memory_limit;
        let mut xml = Xml::new(source, memory_limit);
        let mut document = Document::open(&mut xml, options.table)?;
        let table = document.find_table(&mut xml)?;
        let head = table::head(&mut xml, &mut document, table)?;
        let binary = |has_flags| BinaryRows::new(has_flags, options.count_of, options.charset);
        let rows = match head.serialization {
            Serialization::None => Rows::End,
            Serialization::TableData => Rows::TableData(TableDataRows::default()),
            Serialization::Binary => Rows::Binary(Box::new(binary(false))),
            Serialization::Binary2 => Rows::Binary(Box::new(binary(true))),
        };
        Ok(Self {
            columns: head.schema.columns().iter().map(Cells::new).collect::<Result<_>>()?,
            xml,
            document,
            schema: head.schema,
            serialization: head.serialization,
            rows,
            rows_read: 0,
            rows_said: head.rows,
            late: None,
            memory_limit,
        })
    }

    /// The columns, all nullable, and what stands before the rows.
    pub fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// Rows in all, where the TABLE says so (nrows).
    pub fn rows_hint(&self) -> Option<u64> {
        self.rows_said
    }

    /// At most so many rows, and at least one; `None` once the document was read to its end.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`] naming column and row of a cell that is no value of its FIELD;
    /// else as [`with_options`](Self::with_options). No rows follow.
    pub fn next_batch(&mut self, rows: usize) -> Result<Option<RecordBatch>> {
        let batch = self.advance(rows.max(1));
        if batch.is_err() {
            self.rows = Rows::Failed;
        }
        batch
    }

    /// What stands behind the rows, once the document was read to its end: INFOs of the TABLE, and
    /// in `resource` and `document` what followed in the RESOURCE and in VOTABLE.
    pub fn late(&self) -> Option<&TableMetadata> {
        self.late.as_ref()
    }

    /// Whether QUERY_STATUS says that rows were left out (DALI 1.1, 4.4.1); known for sure at the
    /// end of the document.
    pub fn overflowed(&self) -> bool {
        self.document.overflowed()
    }

    /// What the document says and nothing here carries, one construct a line with the place of the
    /// first; complete at the end of the document.
    pub fn passed_over(&self) -> Vec<String> {
        self.xml.passed_over.lines()
    }

    fn advance(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let start = self.xml.position();
        while rows < most && self.xml.position() - start <= self.memory_limit as u64 / 4 {
            let row = self.rows_read + 1;
            let found = match &mut self.rows {
                Rows::TableData(data) => data.read_row(&mut self.xml, &mut self.columns, row)?,
                Rows::Binary(data) => data.read_row(&mut self.xml, &mut self.columns, row)?,
                Rows::End => break,
                Rows::Whole => return Ok(None),
                Rows::Failed => {
                    let message = "rows were asked of a document that could not be read";
                    return Err(Error::new(ErrorKind::Misuse, message));
                }
            };
            if !found {
                self.rows = Rows::End;
                break;
            }
            rows += 1;
            self.rows_read = row;
        }
        if rows > 0 {
            return cells::finish(&mut self.columns, self.schema.arrow(), rows).map(Some);
        }
        self.finish()?;
        Ok(None)
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(said) = self.rows_said.filter(|said| *said != self.rows_read) {
            let construct = format!("nrows={said} of a TABLE with {} rows", self.rows_read);
            self.xml.passed_over.add(construct, self.xml.position());
        }
        let infos = table::tail(&mut self.xml, &mut self.document, self.serialization)?;
        self.late = Some(self.document.finish(&mut self.xml, infos)?);
        self.rows = Rows::Whole;
        Ok(())
    }
}
