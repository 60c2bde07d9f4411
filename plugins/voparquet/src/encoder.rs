//! Writes rows to a Parquet file, and a VOTable to its footer.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Metadata, SchemaRef};
use taploom_format::{
    CanonicalRows, Completion, EncodeContext, Losses, Output, Result, ResultEncoder, ResultSchema,
    Written, unique_names,
};
use taploom_votable::xml_characters;

use crate::document::Document;
use crate::held::{held, kept_keys, without_vo_keys};
use crate::longest::LongestTexts;
use crate::options::{Timestamp, VoparquetOptions};
use crate::parquet_file::{ParquetFile, ParquetPlan};
use crate::timestamps::{Timestamps, described};

/// The two keys of Parquet in the VO 1.0, section 2. Their case matters.
const VERSION_KEY: &str = "IVOA.VOTable-Parquet.version";
const CONTENT_KEY: &str = "IVOA.VOTable-Parquet.content";
const VERSION: &str = "1.0";

/// How names are altered. Cells keep all characters.
const ALTERATION: &str = "had characters that XML can't store; replaced by U+FFFD";

/// Writes rows at once, and the VOTable at the end, when the status is known.
pub(crate) struct VoparquetEncoder {
    plan: Arc<Plan>,
    rows: CanonicalRows,
    longest: LongestTexts,
    file: ParquetFile,
}

/// What is the same for all results of a schema.
struct Plan {
    rows: CanonicalRows,
    timestamps: Option<Timestamps>,
    /// For columns that no text was seen of.
    longest: LongestTexts,
    document: Document,
    /// The keys of the source.
    keys: Vec<(String, String)>,
    astropy_lengths: bool,
    file: ParquetPlan,
    in_parquet: SchemaRef,
    /// The positions of the columns whose names have characters that XML can't hold.
    altered_names: Vec<usize>,
}

impl Plan {
    fn new(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
    ) -> Result<Self> {
        let timestamps = match options.timestamp {
            Timestamp::AsGiven | Timestamp::Text => None,
            Timestamp::Micros => Some(Timestamps::new(schema)?),
        };
        let schema = timestamps.as_ref().map_or(schema, Timestamps::schema);
        // The Parquet schema has the same names as the FIELDs: readers drop all metadata if one name differs.
        let names: Vec<_> =
            schema.columns().iter().map(|column| xml_characters(column.name())).collect();
        let altered = schema.columns().iter().zip(&names).enumerate();
        let altered = altered.filter(|(_, (column, name))| column.name() != *name);
        let altered_names = altered.map(|(index, _)| index).collect();
        let names = unique_names(names.iter().map(|name| &**name));
        let rows = CanonicalRows::keeping(schema, &names, |given| held(given, options.timestamp))?;
        let written = without_vo_keys(rows.schema().arrow());
        let longest = LongestTexts::new(&written);
        let fields = described(schema, &written)?;
        let in_parquet = match &timestamps {
            Some(timestamps) => timestamps.in_parquet(&written),
            None => Arc::new(written),
        };
        let document = Document::start(options, &fields, names, context.envelope.as_ref())?;
        let keys = kept_keys(schema.arrow());
        // If a file has Arrow's schema, pyarrow takes the keys from that schema.
        let in_parquet =
            in_parquet.as_ref().clone().with_metadata(keys.iter().cloned().collect::<Metadata>());
        let in_parquet = Arc::new(in_parquet);
        let file =
            ParquetPlan::new(Arc::clone(&in_parquet), options, context, document.heap_bytes())?;
        let astropy_lengths = options.astropy_lengths;
        Ok(Self {
            rows,
            timestamps,
            longest,
            document,
            keys,
            astropy_lengths,
            file,
            in_parquet,
            altered_names,
        })
    }
}

impl VoparquetEncoder {
    pub(crate) fn start(
        options: &VoparquetOptions,
        schema: &ResultSchema,
        context: &EncodeContext,
        output: Output,
    ) -> Result<Self> {
        let plan = context.plan(options, schema, || Plan::new(options, schema, context))?;
        Ok(Self {
            rows: plan.rows.for_another(),
            longest: plan.longest.clone(),
            file: ParquetFile::start(&plan.file, context, output)?,
            plan,
        })
    }
}

impl ResultEncoder for VoparquetEncoder {
    fn write_batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(timestamps) = &self.plan.timestamps else {
            let rows = self.rows.convert(batch)?;
            self.longest.add(&rows);
            return self.file.write(&rows);
        };
        let counted = timestamps.counted(batch, self.rows.rows())?;
        let canonical = self.rows.convert(&counted)?;
        self.longest.add(&canonical);
        self.file.write(&timestamps.typed(&canonical, &self.plan.in_parquet)?)
    }

    fn finish(self: Box<Self>, completion: Completion) -> Result<Written> {
        let plan = self.plan;
        let document = plan.document.finish(&self.longest, &completion)?;
        let mut keys = plan.keys.clone();
        keys.push((VERSION_KEY.to_owned(), VERSION.to_owned()));
        keys.push((CONTENT_KEY.to_owned(), document));
        if plan.astropy_lengths {
            keys.extend(self.longest.astropy_keys(self.rows.schema().arrow()));
        }
        let data_bytes = self.file.finish(keys)?;
        let losses =
            Losses::of_cells(ALTERATION, []).with_altered_names(plan.altered_names.iter().copied());
        Ok(Written::new(data_bytes).with_losses(losses))
    }

    fn buffered_bytes(&self) -> usize {
        self.file.buffered_bytes() + self.plan.document.heap_bytes()
    }
}
