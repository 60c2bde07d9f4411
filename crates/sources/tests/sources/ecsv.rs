//! ECSV files, written by astropy and by Taploom.

use super::*;

#[test]
fn what_astropy_writes_is_read() {
    for name in ["astropy.ecsv", "astropy-comma.ecsv"] {
        let rows = rows(&Request::new(&file(name))).unwrap();
        let empty = if name == "astropy.ecsv" { "-" } else { "" };
        for (column, expected) in [
            ("b", "true|false|true"),
            ("i8", "-1|0|1"),
            ("u16", "0|1|65535"),
            ("u64", "0|1|18446744073709551615"),
            ("i", "1|-|3"),
            ("f", "1.5|NaN|-"),
            ("d", "0.1|-inf|1e300"),
            ("c", "[1.0, 2.0]|[-0.0, -1.0]|[0.0, 0.0]"),
            ("vec", "[0.0, 1.0]|[2.0, 3.0]|[4.0, 5.0]"),
            ("mat", "[0, 1, 2, 3]|[4, 5, 6, 7]|[8, 9, 10, 11]"),
            ("mvec", "[0, 1]|[-, 3]|[-, -]"),
            ("var", "[1, 2]|[]|[3]"),
            ("svec", "[a, b c]|[, x]|[y, z]"),
        ] {
            assert_eq!(shown(&rows, column), expected, "{name}, {column}");
        }
        assert!(
            shown(&rows, "s").starts_with("a|") && shown(&rows, "s").ends_with("|-"),
            "{empty}"
        );
        assert!(shown(&rows, "obj").starts_with("{\"a\":1}|[1,\"x\"]"), "{}", shown(&rows, "obj"));
    }
    let path = file("astropy.ecsv");
    let source = block_on(open(&Request::new(&path))).unwrap();
    let columns = source.schema().columns();
    let column = |name: &str| columns.iter().find(|column| column.name() == name).unwrap();
    let count = column("i").metadata();
    assert_eq!(count.unit.as_deref(), Some("ct"));
    assert_eq!(count.description.as_deref(), Some("a count: 'with' \"quotes\""));
    assert_eq!(count.ucd.as_deref(), Some("meta.number"));
    assert_eq!(source.schema().table().name.as_deref(), Some("things"));
    for (name, vo_type) in [
        ("mat", "int of arraysize 2x2"),
        ("vec", "double of arraysize 2"),
        ("var", "long of arraysize *"),
        ("c", "doubleComplex"),
        ("u16", "int"),
        ("f", "float"),
    ] {
        assert_eq!(column(name).vo_type().unwrap().to_string(), vo_type, "{name}");
    }
}

/// As in astropy 8.
#[test]
fn blanks_around_values_are_ignored() {
    let header = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n\
                  # - {name: b, datatype: string}\n# - {name: c, datatype: float64}\n";
    for (delimiter, text) in [
        ("", "a  b   c\n1   x  2.5\n  22  \"y  z\" 3  \n   \n3 \"\"  4\n"),
        ("# delimiter: ','\n", "a, b ,c\n1 , x ,2.5\n22,  \"y  z\" , 3  \n\n3, ,4\n"),
    ] {
        let rows = rows_of("t.ecsv", &format!("{header}{delimiter}{text}")).unwrap();
        assert_eq!(shown(&rows, "a"), "1|22|3", "{text}");
        assert_eq!(shown(&rows, "b"), "x|y  z|-", "{text}");
        assert_eq!(shown(&rows, "c"), "2.5|3.0|4.0", "{text}");
    }
}

/// As astropy skips them: it writes a null of a table with one column as `""`.
#[test]
fn empty_lines_are_not_rows() {
    let header = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n";
    let texts = ["a\n1\n\n\"\"\n3\n\n", "\na\n1\n  \n\"\"\n3\n  ", "a\r1\r \n\"\"\r3"];
    let read = texts.map(|text| {
        let rows = rows_of("t.ecsv", &format!("{header}{text}")).unwrap();
        shown(&rows, "a")
    });
    assert_eq!(read, ["1|-|3"; 3]);
}

#[test]
fn what_we_write_is_read_back() {
    let sql = "SELECT * FROM stars";
    let demo = rows(&query("demo", sql)).unwrap();
    let schema = block_on(open(&query("demo", sql))).unwrap().schema().clone();
    let (_folder, path) = encoded(&query("demo", sql), taploom_format_ecsv::PLUGIN);
    let request = Request::new(&path);
    let read = rows(&request).unwrap();
    let back = block_on(open(&request)).unwrap();
    for (field, (column, original)) in
        demo.schema().fields().iter().zip(back.schema().columns().iter().zip(schema.columns()))
    {
        // Timestamps are read as text.
        let back_cells = shown(&read, field.name()).replace(".000000", "");
        assert_eq!(back_cells, shown(&demo, field.name()), "{}", field.name());
        let (back, original) = (column.metadata(), original.metadata());
        assert_eq!(
            (&back.unit, &back.ucd, &back.description),
            (&original.unit, &original.ucd, &original.description)
        );
    }
}

#[test]
fn what_is_wrong_is_named() {
    let header = |columns: &str| format!("# %ECSV 1.0\n# ---\n# datatype:\n{columns}");
    let a = "# - {name: a, datatype: int64}\n";
    for (text, words) in [
        (header(a), "the record with the names of the columns is missing"),
        (header(a) + "b\n1\n", "is called \"b\" by the first record, and \"a\" by the header"),
        (header(a) + "a b\n1 2\n", "the first record names 2 columns, and the header 1"),
        (header(a) + "a\n1\nx\n", "column \"a\", row 2: \"x\" is not of type Int64"),
        (header(a) + "# delimiter: ;\na\n1\n", "its delimiter is \";\""),
        (
            header("# - {name: a, datatype: int65}\n") + "a\n1\n",
            "the datatype \"int65\" is not supported",
        ),
        (
            header("# - {name: a, datatype: string, subtype: 'int8[x]'}\n") + "a\n1\n",
            "subtype \"int8[x]\"",
        ),
        (header("# - {name: a\n") + "a\n1\n", "its header is not the header of an ECSV file"),
        ("# %ECSV 1.0\n# ---\na\n1\n".to_owned(), "its header is not the header of an ECSV file"),
        (
            header("# - {name: a, datatype: string, subtype: 'int8[2]'}\n") + "a\n[1,2]\n[1,2\n",
            "row 2: \"[1,2\" is not of type List",
        ),
    ] {
        let error = format!("{:#}", rows_of("t.ecsv", &text).unwrap_err());
        assert!(error.contains(words), "no {words:?} in: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

/// A few bytes of YAML with aliases can stand for billions of bytes.
#[test]
fn aliases_do_not_take_all_memory() {
    let mut text =
        String::from("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int64}\n# meta:\n");
    text += "#   a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
    for level in 1..30 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        text += &format!("#   a{level}: &a{level} [{aliases}]\n");
    }
    let _ = rows_of("t.ecsv", &(text + "a\n1\n"));
}

#[test]
fn damage_does_not_panic() {
    let bytes = std::fs::read(file("astropy.ecsv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.ecsv");
    let mut random = random_numbers(11);
    for round in 0..400 {
        let mut damaged = bytes.clone();
        for _ in 0..1 + round % 5 {
            let at = random() % damaged.len();
            damaged[at] ^= 1 << (random() % 8);
        }
        damaged.truncate(damaged.len() - if round % 4 == 0 { random() % damaged.len() } else { 0 });
        std::fs::write(&path, damaged).unwrap();
        if let Err(error) = rows(&Request::new(path.to_str().unwrap())) {
            assert!(!format!("{error:#}").contains('\n'), "{error:#}");
        }
    }
}
