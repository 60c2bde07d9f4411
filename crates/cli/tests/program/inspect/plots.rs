//! `--plot`: the picture of a Parquet file.

use std::fs;

use super::{inspected, stars};

use crate::common::{Folder, taploom};

#[test]
fn the_picture_is_well_formed_and_has_every_column() {
    let folder = Folder::new();
    let file = stars(&folder, "stars.parquet", &["row_group_rows=100"]);
    let svg = folder.path("stars.svg");
    inspected(&[&file, "--plot", &svg]);
    let svg = fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    for words in
        ["stars.parquet: where the bytes are", "5 row groups × 13 columns", ">var_epoch</text>"]
    {
        assert!(svg.contains(words), "{words:?} is not in the plot");
    }
    // One cell per chunk, one bar per column and per row group, the background, and the legend.
    assert_eq!(svg.matches("<rect").count(), 5 * 13 + 13 + 5 + 1 + 40);
}

/// `cargo xtask test quick` leaves these out.
mod slow {
    use super::*;

    #[test]
    fn columns_that_share_a_bar_are_said_to() {
        let folder = Folder::new();
        let json = folder.many_columns(400, "c", "int");
        let (file, svg) = (folder.path("wide.parquet"), folder.path("wide.svg"));
        let rows = ["--option", "row_group_rows=1", "-o", &file];
        taploom(&[&["encode", &format!("synth:{json}?rows=100")], &rows[..]].concat()).succeeds();
        inspected(&[&file, "--plot", &svg]);
        let svg = fs::read_to_string(svg).unwrap();
        for words in [
            "400 columns, in the order of the file, 3 to a bar, 1 in the last<",
            ">row groups, 2 to a bar<",
        ] {
            assert!(svg.contains(words), "{words:?} is not in the plot");
        }
        assert_eq!(svg.matches("<rect").count(), 50 * 134 + 134 + 50 + 1 + 40);
    }
}
