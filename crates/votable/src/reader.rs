//! Reads VOTable documents, batch by batch.

mod base64_text;
mod binary;
mod cells;
mod document;
mod earlier_tables;
mod elements;
mod input;
mod passed_over;
mod table;
mod table_data;
mod xml;

use std::fmt;
use std::io::Read;

use arrow_array::RecordBatch;
use taploom_model::{Error, ErrorKind, Result, ResultSchema, TableMetadata, counted};

use self::base64_text::Base64Text;
use self::binary::BinaryRows;
pub use self::binary::{Charset, CountOf};
use self::cells::ColumnCells;
use self::document::Document;
pub use self::document::TableChoice;
use self::table::Serialization;
use self::table_data::TableDataRows;
use self::xml::Xml;

/// How a document is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadOptions {
    /// Which TABLE is read, if the document has several.
    pub table: TableChoice,
    /// The meaning of the count before variable arrays in BINARY and BINARY2.
    pub count_of: CountOf,
    /// The character set of `char` cells in BINARY and BINARY2.
    pub charset: Charset,
    /// The largest size in bytes of one cell, of one tag, and of all metadata together; 64 MiB by default.
    /// A batch ends when it has read a quarter of this from the document.
    pub memory_limit: usize,
    /// Whether the rows may be a FITS file, which the caller reads by [`VotableReader::read_fits`]. By
    /// default they are an error.
    pub takes_fits: bool,
}

impl ReadOptions {
    /// Says whether the rows may be a FITS file, which the caller reads.
    #[must_use]
    pub fn with_takes_fits(self, takes_fits: bool) -> Self {
        Self { takes_fits, ..self }
    }

    /// Chooses the TABLE to read.
    #[must_use]
    pub fn with_table(self, table: TableChoice) -> Self {
        Self { table, ..self }
    }

    /// Says what the count before variable arrays counts.
    #[must_use]
    pub fn with_count_of(self, count_of: CountOf) -> Self {
        Self { count_of, ..self }
    }

    /// Says which character set `char` cells have.
    #[must_use]
    pub fn with_charset(self, charset: Charset) -> Self {
        Self { charset, ..self }
    }

    /// Sets the memory limit, in bytes.
    #[must_use]
    pub fn with_memory_limit(self, memory_limit: usize) -> Self {
        Self { memory_limit, ..self }
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            table: TableChoice::default(),
            count_of: CountOf::default(),
            charset: Charset::default(),
            memory_limit: 64 << 20,
            takes_fits: false,
        }
    }
}

/// Reads a VOTable document of version 1.0 to 1.5 from its start to its end.
///
/// The constructor parses the document up to the rows: [`schema`](Self::schema) has the columns and the
/// metadata before the rows. [`next_batch`](Self::next_batch) gives the rows of TABLEDATA, or of BINARY or
/// BINARY2 in base64. After the last row it reads the rest of the document, so that only `None` says that
/// the document is complete. [`late`](Self::late) has the metadata after the rows. Only the rows of one
/// batch are in memory.
///
/// Every cell may be null: by the flags of BINARY2, by the null value of VALUES in BINARY and inside
/// arrays, and by that value or an empty TD in TABLEDATA. NaN is not a null.
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
    columns: Vec<ColumnCells>,
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
    /// A FITS file, which the caller reads.
    Fits(Box<Base64Text>),
    /// All rows were read. The rest of the document follows.
    End,
    /// The whole document was read.
    Whole,
    Failed,
}

impl<R> fmt::Debug for VotableReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VotableReader")
            .field("schema", &self.schema)
            .field("rows_read", &self.rows_read)
            .finish_non_exhaustive()
    }
}

impl<R: Read> VotableReader<R> {
    /// Reads up to the rows of the only TABLE.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(source: R) -> Result<Self> {
        Self::with_options(source, ReadOptions::default())
    }

    /// Reads up to the rows of the wanted TABLE. The source needs no buffer.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] if the document is damaged or reports a failed query,
    /// [`ErrorKind::InvalidRequest`] if it is not a VOTable, does not have the wanted TABLE, or has rows in
    /// an unsupported serialization, [`ErrorKind::UnsupportedColumn`] for a FIELD without a datatype of
    /// VOTable, and [`ErrorKind::Resources`] if the memory limit does not suffice.
    pub fn with_options(source: R, options: ReadOptions) -> Result<Self> {
        let memory_limit = options.memory_limit;
        let mut xml = Xml::new(source, memory_limit);
        let mut document = Document::open(&mut xml, options.table)?;
        let table = document.find_table(&mut xml)?;
        let head = table::head(&mut xml, &mut document, table, options.takes_fits)?;
        let binary = |has_flags| BinaryRows::new(has_flags, options.count_of, options.charset);
        let rows = match head.serialization {
            Serialization::None => Rows::End,
            Serialization::TableData => Rows::TableData(TableDataRows::new(memory_limit)),
            Serialization::Binary => Rows::Binary(Box::new(binary(false))),
            Serialization::Binary2 => Rows::Binary(Box::new(binary(true))),
            Serialization::Fits(_) => Rows::Fits(Box::default()),
        };
        Ok(Self {
            columns: head.schema.columns().iter().map(ColumnCells::new).collect::<Result<_>>()?,
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

    /// The columns, all nullable, and the metadata before the rows.
    pub fn schema(&self) -> &ResultSchema {
        &self.schema
    }

    /// The number of rows that the TABLE declares (nrows).
    pub fn rows_hint(&self) -> Option<u64> {
        self.rows_said
    }

    /// If the rows are a FITS file (VOTable 1.5, 5.2): the number of the HDU with the table, if the
    /// document names it. [`read_fits`](Self::read_fits) returns the bytes of the file.
    ///
    /// The FIELDs in [`schema`](Self::schema) describe the columns. The caller has to check that they match
    /// the FITS table.
    pub fn fits_hdu(&self) -> Option<Option<u64>> {
        match self.serialization {
            Serialization::Fits(hdu) => Some(hdu),
            _ => None,
        }
    }

    /// Reads the next bytes of the FITS file with the rows; 0 at its end, and if the rows are not in FITS.
    /// Afterwards, [`next_batch`](Self::next_batch) reads the rest of the document and returns no rows.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn read_fits(&mut self, out: &mut [u8]) -> Result<usize> {
        let Rows::Fits(stream) = &mut self.rows else { return Ok(0) };
        let bytes = match stream.peek(&mut self.xml, 1) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.rows = Rows::Failed;
                return Err(error);
            }
        };
        let read = bytes.len().min(out.len());
        out[..read].copy_from_slice(&bytes[..read]);
        stream.take(read);
        Ok(read)
    }

    /// The next rows: at most the given number, and at least one. `None` after the end of the document.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidValue`] naming the column and row of a cell that is not a value of its FIELD, and
    /// [`ErrorKind::Misuse`] after any error. Otherwise as [`with_options`](Self::with_options), with the first row
    /// that can't be read. The rows of the batch before it are lost.
    pub fn next_batch(&mut self, rows: usize) -> Result<Option<RecordBatch>> {
        let batch = self.advance(rows.max(1));
        if batch.is_err() {
            self.rows = Rows::Failed;
        }
        batch
    }

    /// The metadata after the rows, once the document was read to its end: INFOs of the TABLE, and in
    /// `resource` and `document` the elements that follow in the RESOURCE and in VOTABLE.
    pub fn late(&self) -> Option<&TableMetadata> {
        self.late.as_ref()
    }

    /// Whether QUERY_STATUS says that rows are missing (DALI 1.1, 4.4.1). It is certain at the end of the
    /// document.
    pub fn overflowed(&self) -> bool {
        self.document.overflowed()
    }

    /// The parts of the document that were left out: one line for each construct, with the place of its first
    /// occurrence. The list is complete at the end of the document.
    pub fn passed_over(&self) -> Vec<String> {
        self.xml.passed_over.lines()
    }

    fn advance(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let start = self.xml.position();
        while rows < most && self.xml.position() - start <= self.memory_limit as u64 / 4 {
            let row = self.rows_read + 1;
            let found = match &mut self.rows {
                Rows::TableData(data) => data.read_row(&mut self.xml, &mut self.columns, row),
                Rows::Binary(data) => data.read_row(&mut self.xml, &mut self.columns, row),
                Rows::Fits(stream) => {
                    // The rest of the file that the caller did not read, such as HDUs after the table.
                    loop {
                        match stream.peek(&mut self.xml, 1)?.len() {
                            0 => break,
                            left => stream.take(left),
                        }
                    }
                    self.xml.close()?;
                    Ok(false)
                }
                Rows::End => break,
                Rows::Whole => return Ok(None),
                Rows::Failed => {
                    let message = "rows were asked of a document that could not be read";
                    return Err(Error::new(ErrorKind::Misuse, message));
                }
            };
            let found = found.map_err(|error| match error.row() {
                None => error.with_row(row),
                Some(_) => error,
            });
            if !found? {
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
        // A TABLE without DATA describes rows that are stored elsewhere.
        let has_rows = !matches!(self.serialization, Serialization::None | Serialization::Fits(_));
        if let Some(said) = self.rows_said.filter(|said| has_rows && *said != self.rows_read) {
            let construct =
                format!("nrows={said} of a TABLE with {}", counted(self.rows_read, "row"));
            self.xml.passed_over.add(construct, self.xml.position());
        }
        let infos = table::tail(&mut self.xml, &mut self.document, self.serialization)?;
        self.late = Some(self.document.finish(&mut self.xml, infos)?);
        self.rows = Rows::Whole;
        Ok(())
    }
}
