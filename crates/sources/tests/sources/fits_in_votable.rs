//! VOTables with a FITS file in their STREAM, written by STILTS.

use std::io::Write;

use arrow_cast::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use taploom_model::Ending;

use super::*;

fn fixture() -> String {
    std::fs::read_to_string(file("stil-fits.vot")).unwrap()
}

/// Reads a document, and returns its rows (`-` stands for null) and its ending.
fn read(document: &str) -> Result<(Vec<String>, Ending)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.vot");
    std::fs::write(&path, document).unwrap();
    let mut source = block_on(open(&Request::new(path.to_str().unwrap()).with_batch_rows(2)))?;
    let mut rows = Vec::new();
    loop {
        match block_on(source.next())? {
            Step::Rows(batch) => {
                assert_eq!(batch.schema_ref(), source.schema().arrow());
                let options = FormatOptions::new().with_null("-");
                let columns = batch.columns().iter();
                let columns =
                    columns.map(|column| ArrayFormatter::try_new(column, &options).unwrap());
                let columns = columns.collect::<Vec<_>>();
                for row in 0..batch.num_rows() {
                    let cells = columns.iter().map(|column| column.value(row).to_string());
                    rows.push(cells.collect::<Vec<_>>().join("|"));
                }
            }
            Step::End(ending) => return Ok((rows, ending)),
        }
    }
}

#[test]
fn what_stilts_writes_is_read() {
    let (rows, ending) = read(&fixture()).unwrap();
    assert_eq!(
        rows,
        [
            // STILTS uses 255 for null, so it loses bytes that are 255.
            "true|-|-|7|9223372036854775807|1.5|10.25|Vega|[1.0, 2.0]|[1, 2, 3, 4]|[0.5, 1.5, 2.5]",
            "false|0|5|-|-5|NaN|-0.5|-|[3.0, 4.0]|[5, 6, 7, 8]|[8.0, NaN, NaN]",
            "true|17|-32768|-9|0|2.25|1e300|Sirius|[5.0, 6.0]|[9, 10, 11, 12]|[1.0, 2.0, NaN]",
        ]
    );
    assert_eq!((ending.overflowed, ending.notes), (false, Vec::new()));
}

/// Names, units and UCDs come from the FIELDs, and the elements after the rows are read.
#[test]
fn the_document_describes_the_columns() {
    let text = fixture()
        .replace("name=\"mag\" ucd=\"phot.mag\"", "name=\"Mag\" ucd=\"phot.mag;em.opt.V\"")
        .replace("name=\"ra\"", "name=\"alpha\"")
        .replace("<FITS>", "<FITS extnum='1'>")
        .replace("</TABLE>", "</TABLE><INFO name='QUERY_STATUS' value='OVERFLOW'/>");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.vot");
    std::fs::write(&path, &text).unwrap();
    let source = block_on(open(&Request::new(path.to_str().unwrap()))).unwrap();
    let column = |index: usize| source.schema().columns()[index].clone();
    assert_eq!((column(5).name(), column(6).name()), ("Mag", "alpha"));
    assert_eq!(column(5).metadata().ucd.as_deref(), Some("phot.mag;em.opt.V"));
    assert_eq!(column(6).metadata().unit.as_deref(), Some("deg"));
    assert_eq!(
        (source.schema().table().name.as_deref(), source.rows_hint()),
        (Some("stars"), Some(3))
    );
    let (rows, ending) = read(&text).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(ending.overflowed);
    let [note] = &ending.notes[..] else { panic!("{:?}", ending.notes) };
    assert!(
        note.ends_with("FIELD \"alpha\" is column 7 of the FITS table, which calls it \"ra\""),
        "{note}"
    );
}

/// The FITS table tells how many rows there are, and how long its texts are.
#[test]
fn lengths_that_the_document_says_wrongly_are_noted() {
    let document = fixture();
    let name = "<FIELD arraysize=\"6\" datatype=\"char\" name=\"name\"/>";
    let with = |arraysize: &str| document.replace(name, &name.replace('6', arraysize));
    let rows = read(&document).unwrap().0;
    let is = "FIELD \"name\" is char of arraysize";
    let found = "and column 8 of the FITS table (name) is char of arraysize 6*";
    for (text, note) in [
        (with("3"), Some(format!("{is} 3, {found}"))),
        (with("9"), None),
        (with("5*"), Some(format!("{is} 5*, {found}"))),
        (with("6*"), None),
        (with("*"), None),
        (
            document.replace("nrows=\"3\"", "nrows=\"4\""),
            Some("left out: nrows=4 of a TABLE with 3 rows".to_owned()),
        ),
    ] {
        let (read, ending) = read(&text).unwrap();
        assert_eq!(read, rows);
        let notes: Vec<&str> =
            ending.notes.iter().map(|note| note.split_once("rows.vot: ").unwrap().1).collect();
        assert_eq!(notes, note.as_deref().into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn fields_that_do_not_fit_are_named() {
    let document = fixture();
    for (old, new, column, words) in [
        (
            "<FIELD datatype=\"float\" name=\"mag\"",
            "<FIELD datatype=\"double\" name=\"mag\"",
            "mag",
            "the FIELD is double, and column 6 of the FITS table (mag) is float",
        ),
        (
            "<FIELD arraysize=\"2\" datatype",
            "<FIELD arraysize=\"3\" datatype",
            "pair",
            "the FIELD is float of arraysize 3, and column 9 of the FITS table (pair) is float of arraysize 2",
        ),
        (
            "<VALUES null='-1'/>",
            "<VALUES null='-2'/>",
            "short",
            "the FIELD has the null \"-2\", which is not the TNULL of column 3 of the FITS table (short)",
        ),
    ] {
        let error = read(&document.replace(old, new)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Source, "{error}");
        let error = error.to_string();
        assert!(error.starts_with(&format!("column \"{column}\": ")), "{error}");
        assert!(error.contains(words) && error.contains("rows.vot"), "{error}");
    }
    let fewer = document.replace("<FIELD datatype=\"boolean\" name=\"flag\"/>", "");
    let error = read(&fewer).unwrap_err().to_string();
    assert!(
        error.contains("the TABLE has 10 FIELDs, and the FITS table in it 11 columns"),
        "{error}"
    );
    for wrong in ["-1", "x", ""] {
        let other = document.replace("<FITS>", &format!("<FITS extnum='{wrong}'>"));
        let error = read(&other).unwrap_err().to_string();
        assert!(error.contains(&format!("extnum={wrong:?} of FITS")), "{error}");
        assert!(error.contains("such as 1") && error.contains("rows.vot"), "{error}");
    }
    let other = document.replace("<FITS>", "<FITS extnum='7'>");
    let error = read(&other).unwrap_err().to_string();
    assert!(error.contains("HDU 7 does not exist or is not a table"), "{error}");
}

/// STREAM may hold a compressed FITS file, as a file on disk may.
#[test]
fn compressed_fits_is_read_and_other_data_are_not() {
    let document = fixture();
    let begin =
        document.find("<STREAM encoding='base64'>").unwrap() + "<STREAM encoding='base64'>".len();
    let end = document.find("</STREAM>").unwrap();
    let fits: String = document[begin..end].split_whitespace().collect();
    let fits = BASE64_STANDARD.decode(fits).unwrap();
    let with = |bytes: &[u8]| {
        let text = BASE64_STANDARD.encode(bytes);
        format!("{}{text}{}", &document[..begin], &document[end..])
    };
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&fits).unwrap();
    let rows = read(&document).unwrap().0;
    assert_eq!(read(&with(&gzip.finish().unwrap())).unwrap().0, rows);

    let error = read(&with(b"PAR1, which is not FITS")).unwrap_err().to_string();
    assert!(error.contains("the STREAM in the element FITS is not a FITS file"), "{error}");
}

/// A document that is cut short is an error, and a damaged one does not panic.
#[test]
fn damage_is_an_error() {
    let document = fixture();
    for end in (0..document.len() - 20).step_by(397) {
        let error = format!("{:#}", read(&document[..end]).unwrap_err());
        assert!(error.contains("rows.vot") && !error.contains('\n'), "{end}: {error}");
    }
    let mut random = random_numbers(5);
    let letters = b"ABCXYZabcxyz0189+/=<> ";
    for round in 0..300 {
        let mut damaged = document.clone().into_bytes();
        for _ in 0..1 + round % 8 {
            let at = random() % damaged.len();
            damaged[at] = letters[random() % letters.len()];
        }
        if let Err(error) = read(&String::from_utf8(damaged).unwrap()) {
            assert!(!format!("{error:#}").contains('\n'), "{error:#}");
        }
    }
}
