//! FITS binary tables, written by astropy and by Taploom.

use taploom_model::{Resources, ScratchSpace};

use super::*;

#[test]
fn what_astropy_writes_is_read() {
    let rows = rows(&Request::new(&file("astropy.fits"))).unwrap();
    for (name, expected) in [
        ("flag", "true|false|true|false|true"),
        ("bit", "true|false|true|true|false"),
        ("byte", "0|1|127|128|-"),
        ("int8", "-128|-1|0|1|127"),
        ("short", "-|-1|0|1|32767"),
        ("uint16", "0|1|32767|32768|65535"),
        ("int", "-2147483648|-1|0|1|2147483647"),
        ("uint32", "0|1|2147483647|2147483648|4294967295"),
        ("long", "-9223372036854775808|-1|0|1|9223372036854775807"),
        ("uint64", "0|1|9223372036854775807|9223372036854775808|18446744073709551615"),
        ("float", "0.0|-1.5|inf|NaN|3e38"),
        ("double", "0.0|-1.5|-inf|NaN|1e308"),
        ("complex", "[0.0, 0.0]|[1.0, 2.0]|[-0.0, -1.0]|[3.0, 0.0]|[4.0, 0.0]"),
        ("text", "a|-|with sp|12345678|it's"),
        ("vector", "[0, 1, 2]|[3, 4, 5]|[6, 7, 8]|[9, 10, 11]|[12, 13, 14]"),
        ("scaled", "100.0|100.5|99.0|200.0|0.0"),
        ("varied", "[]|[0.0]|[0.0, 1.0]|[0.0, 1.0, 2.0]|[0.0, 1.0, 2.0, 3.0]"),
        (
            "varied_long",
            "[0, 10000000000, 20000000000, 30000000000]|[0, 10000000000, 20000000000]|[0, 10000000000]|[0]|[]",
        ),
        ("varied_text", "-|x|three|yyyyyyyyyyyyyyyyyyyy|it's"),
    ] {
        assert_eq!(shown(&rows, name), expected, "{name}");
    }
    let bits = shown(&rows, "bits");
    assert!(bits.starts_with("[false, false, "), "{bits}");
    assert!(bits.ends_with("|[true, true, true, true, true, true, true, true, true, true, true]"));
    assert!(shown(&rows, "texts").starts_with("[a, bb, cccc]|[a, bb, cccc]|"));
    assert!(shown(&rows, "matrix").ends_with("|[24.0, 25.0, 26.0, 27.0, 28.0, 29.0]"));
    assert!(shown(&rows, "dcomplex").ends_with("|[4.0, 0.0, 0.0, 4.0]"));
}

#[test]
fn keywords_of_the_header_become_metadata_of_the_columns() {
    let path = file("astropy.fits");
    let source = block_on(open(&Request::new(&path))).unwrap();
    assert_eq!(source.rows_hint(), Some(5));
    assert_eq!(source.schema().table().name.as_deref(), Some("CATALOGUE"));
    let column = |name: &str| {
        source.schema().columns().iter().find(|column| column.name() == name).unwrap().clone()
    };
    let float = column("float");
    assert_eq!(float.metadata().unit.as_deref(), Some("mag"));
    assert_eq!(float.metadata().ucd.as_deref(), Some("phot.mag"));
    assert!(float.metadata().description.as_ref().unwrap().ends_with("in the next record"));
    assert_eq!(column("short").metadata().null_value.as_deref(), Some("-32768"));
    for (name, vo_type) in [
        ("matrix", "float of arraysize 2x3"),
        ("texts", "char of arraysize 4x3"),
        ("text", "char of arraysize 8*"),
        ("varied", "float of arraysize *"),
        ("varied_text", "char of arraysize *"),
        ("uint16", "int"),
        ("bits", "bit of arraysize 11"),
        ("dcomplex", "doubleComplex of arraysize 2"),
        ("scaled", "double"),
    ] {
        assert_eq!(column(name).vo_type().unwrap().to_string(), vo_type, "{name}");
    }
}

#[test]
fn a_table_is_chosen_by_number_or_name() {
    let path = file("astropy.fits");
    for table in ["3", "second", "SECOND"] {
        let rows = rows(&Request::new(&path).with_table(table)).unwrap();
        assert_eq!(shown(&rows, "id"), "0|1|2|3|4|5|6");
    }
    let listed = "the HDUs are: 0 (the primary HDU), 1 \"PICTURE\" (an image), 2 \"CATALOGUE\" (a binary table)";
    for (table, words) in [
        ("1", "HDU 1 does not exist or is not a table"),
        ("9", "HDU 9 does not exist"),
        ("nope", "no table has the EXTNAME \"nope\""),
    ] {
        let error = refusal(&Request::new(&path).with_table(table));
        assert!(error.is_caller_fault(), "{error}");
        let error = error.to_string();
        assert!(error.contains(words) && error.contains(listed), "{error}");
    }
}

/// If a file can't seek, variable-length arrays are read through scratch; other tables need no scratch.
#[test]
fn a_compressed_table_is_read_as_the_plain_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("astropy.fits.zst");
    let bytes = std::fs::read(file("astropy.fits")).unwrap();
    std::fs::write(&path, zstd::encode_all(&bytes[..], 3).unwrap()).unwrap();
    let space = ScratchSpace::default().counted();
    let request = Request::new(path.to_str().unwrap())
        .with_resources(Resources::default().with_scratch(space.clone()));
    let plain = rows(&Request::new(&file("astropy.fits"))).unwrap();
    assert_eq!(format!("{:?}", rows(&request).unwrap()), format!("{plain:?}"));
    assert!(space.peak() > 0);
    let peak = space.peak();
    assert_eq!(rows(&request.with_table("3")).unwrap().num_rows(), 7);
    assert_eq!((space.peak(), space.used()), (peak, 0), "a table without a heap needs no scratch");
}

/// Batches may have any size, and may have fewer rows than requested.
#[test]
fn batches_are_bounded_by_rows_and_by_bytes() {
    let path = file("astropy.fits");
    let plain = rows(&Request::new(&path)).unwrap();
    for rows_wanted in [1, 2, 3, 5] {
        let read = rows(&Request::new(&path).with_batch_rows(rows_wanted)).unwrap();
        assert_eq!(format!("{read:?}"), format!("{plain:?}"));
    }
    let little = Resources::default().with_memory_budget(500);
    let read = rows(&Request::new(&path).with_resources(little)).unwrap();
    assert_eq!(format!("{read:?}"), format!("{plain:?}"));
    let nothing = Resources::default().with_memory_budget(100);
    let error = refusal(&Request::new(&path).with_resources(nothing)).to_string();
    assert!(error.contains("that the source may use, three eighths of --memory-budget"), "{error}");
}

#[test]
fn what_we_write_is_read_back() {
    // FITS has only ASCII characters.
    let sql = "SELECT hip, con, ra, dec, vmag, bv, parallax, sptype, variable FROM stars";
    let demo = rows(&query("demo", sql)).unwrap();
    let schema = block_on(open(&query("demo", sql))).unwrap().schema().clone();
    let (_folder, path) = encoded(&query("demo", sql), taploom_format_fits::PLUGIN);
    let read = rows(&Request::new(&path)).unwrap();
    assert_eq!(read.num_rows(), demo.num_rows());
    for column in schema.columns() {
        // FITS stores a null float as NaN.
        let back = shown(&read, column.name()).replace("NaN", "-");
        assert_eq!(back, shown(&demo, column.name()), "{}", column.name());
    }
}

/// A file that is cut short gives an error, at once or after the rows before the cut.
#[test]
fn truncation_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.fits");
    let bytes = std::fs::read(file("astropy.fits")).unwrap();
    // The second table begins here. A cut after this point does not affect the first table.
    let end = bytes.windows(8).rposition(|window| window == b"XTENSION").unwrap();
    for at in (0..end - 2880).step_by(233) {
        std::fs::write(&path, &bytes[..at]).unwrap();
        let error = format!("{:#}", refusal(&Request::new(path.to_str().unwrap())));
        assert!(error.contains("cut.fits"), "{error}");
        // Between the image and the next block there is only padding.
        if at > 2880 && !(11_760..14_400).contains(&at) {
            assert!(error.contains("cut short"), "{at}: {error}");
        }
    }
}

/// Flipped bits, and bytes that are not a FITS file, lead to rows or to an error, never to a panic.
#[test]
fn damage_does_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.fits");
    let bytes = std::fs::read(file("astropy.fits")).unwrap();
    let mut random = random_numbers(3);
    let (mut read, mut refused) = (0, 0);
    for round in 0..600 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 8 {
            let at = random() % damaged.len();
            damaged[at] ^= 1 << (random() % 8);
        }
        if round % 10 == 0 {
            let from = random() % damaged.len();
            damaged[from..].iter_mut().for_each(|byte| *byte = random() as u8);
        }
        std::fs::write(&path, damaged).unwrap();
        match rows(&Request::new(path.to_str().unwrap())) {
            Ok(_) => read += 1,
            Err(error) => {
                refused += 1;
                assert!(!format!("{error:#}").contains('\n'));
            }
        }
    }
    assert!(read > 50 && refused > 50, "{read} read, {refused} refused");
}

/// A file with one extension of the given kind.
fn extension(kind: &str, cards: &[&str], data: &str) -> String {
    let block = |cards: &[&str]| {
        let text: String = cards.iter().map(|card| format!("{card:<80}")).collect();
        format!("{text:<2880}")
    };
    let primary = block(&["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "END"]);
    let kind = format!("XTENSION= '{kind}'");
    let start = [&*kind, "BITPIX  = 8", "NAXIS   = 2"];
    format!("{primary}{}{data:2880}", block(&[&start[..], cards, &["END"]].concat()))
}

/// An ASCII table with columns in any order, and with unused characters between them.
#[test]
fn tables_in_ascii_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ascii.fits");
    let cards = [
        "NAXIS1  = 20",
        "NAXIS2  = 3",
        "PCOUNT  = 0",
        "GCOUNT  = 1",
        "TFIELDS = 3",
        "TTYPE1  = 'mag'",
        "TFORM1  = 'F6.2'",
        "TBCOL1  = 12",
        "TUNIT1  = 'mag'",
        "TNULL1  = '      '",
        "TTYPE2  = 'name'",
        "TFORM2  = 'A5'",
        "TBCOL2  = 1",
        "TTYPE3  = 'n'",
        "TFORM3  = 'I4'",
        "TBCOL3  = 7",
        "EXTNAME = 'stars'",
    ];
    let data = "Vega |   1|  0.03  |Siri |-999| -1.44  |a    |    |        |";
    std::fs::write(&path, extension("TABLE", &cards, data)).unwrap();
    let path = path.to_str().unwrap();
    for table in [None, Some("1"), Some("stars")] {
        let mut request = Request::new(path);
        if let Some(table) = table {
            request = request.with_table(table);
        }
        let rows = rows(&request).unwrap();
        assert_eq!(shown(&rows, "name"), "Vega|Siri|a");
        assert_eq!(shown(&rows, "mag"), "0.03|-1.44|-");
        // A field of spaces is 0, unless TNULL says that it is null.
        assert_eq!(shown(&rows, "n"), "1|-999|0");
    }
    let source = block_on(open(&Request::new(path))).unwrap();
    let types = source.schema().columns().iter();
    let types: Vec<_> = types.map(|column| column.vo_type().unwrap().to_string()).collect();
    assert_eq!(types, ["double", "char of arraysize 5*", "short"]);
    assert_eq!(source.schema().columns()[0].metadata().unit.as_deref(), Some("mag"));

    let wrong = data.replace("-999", "-9x9");
    std::fs::write(path, extension("TABLE", &cards, &wrong)).unwrap();
    let error = refusal(&Request::new(path)).to_string();
    assert!(error.starts_with("column \"n\", row 2: "), "{error}");
    assert!(error.ends_with("\"-9x9\" is not of type short"), "{error}");
    for (card, other, words) in [
        ("TFORM2  = 'A5'", "TFORM2  = '5A'", "TFORM2 \"5A\" is not valid in an ASCII table"),
        (
            "TBCOL2  = 1",
            "TBCOL2  = 17",
            "TBCOL2 is missing, or its 5 characters are not within a row of 20",
        ),
        ("TBCOL2  = 1", "TBCOL2  = 0", "TBCOL2 is missing"),
    ] {
        let cards = cards.map(|known| if known == card { other } else { known });
        std::fs::write(path, extension("TABLE", &cards, data)).unwrap();
        let error = refusal(&Request::new(path)).to_string();
        assert!(error.contains("column \"name\"") && error.contains(words), "{error}");
    }
}

/// Headers that contradict themselves or the size of the file.
#[test]
fn keywords_of_a_header_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("header.fits");
    let error_with = |cards: &[&str]| {
        std::fs::write(&path, extension("BINTABLE", cards, "")).unwrap();
        format!("{:#}", refusal(&Request::new(path.to_str().unwrap())))
    };
    for (cards, words) in [
        (&["NAXIS1  = 4"][..], "NAXIS2 is missing"),
        (&["NAXIS1  = 4", "NAXIS2  = -1", "TFIELDS = 0"], "NAXIS2 is missing or not"),
        (&["NAXIS1  = 4", "NAXIS2  = 9"], "TFIELDS is missing"),
        (&["NAXIS1  = 4", "NAXIS2  = 9", "TFIELDS = 1"], "TFORM1 is missing"),
        (
            &["NAXIS1  = 4", "NAXIS2  = 9", "TFIELDS = 1", "TFORM1  = '1Z'"],
            "the letter 'Z', which stands for no type",
        ),
        (
            &["NAXIS1  = 4", "NAXIS2  = 9", "TFIELDS = 1", "TFORM1  = '2J'"],
            "the columns up to number 1 take 8 bytes, but a row has only 4",
        ),
        (
            &["NAXIS1  = 4", "NAXIS2  = 4611686018427387904", "TFIELDS = 1", "TFORM1  = 'J'"],
            "its table is larger than any file",
        ),
        (
            &["NAXIS1  = 4", "NAXIS2  = 10000000000", "TFIELDS = 1", "TFORM1  = 'J'"],
            "cut short: 720 of 10000000000 rows are there",
        ),
        (
            &["NAXIS1  = 8", "NAXIS2  = 2", "PCOUNT  = 0", "TFIELDS = 1", "TFORM1  = '1PJ'"],
            "is not within the heap of 0 bytes",
        ),
        (
            &["NAXIS1  = 16", "NAXIS2  = 2", "TFIELDS = 1", "TFORM1  = '1M'", "TSCAL1  = 2.0"],
            "complex numbers have TSCAL or TZERO",
        ),
    ] {
        let error = error_with(cards);
        assert!(error.contains(words), "no {words:?} in: {error}");
        assert!(error.contains("header.fits"), "{error}");
    }
}
