//! Conditions that are pushed down to the server, and those that are not.

use super::*;

const BYTES_OF_T: &str = "CAST(CONVERT(taploom.`t` USING utf8mb4) AS BINARY)";
const BYTES_OF_K: &str = "CAST(CONVERT(taploom.`k` USING utf8mb4) AS BINARY)";

#[tokio::test]
async fn only_conditions_that_the_server_evaluates_alike_are_pushed_down() {
    create_traps();
    let t = |condition: &str| condition.replace("BYTES", BYTES_OF_T);
    for (condition, pushed) in [
        ("i < 3", Some("taploom.`i` < 3".to_owned())),
        ("i > -9223372036854775808", Some("taploom.`i` > -9223372036854775808".to_owned())),
        ("i IN (1, 5, NULL, -2)", Some("taploom.`i` IN (1, 5, -2)".to_owned())),
        ("i < tu", Some("taploom.`i` < taploom.`tu`".to_owned())),
        (
            "bu > i AND bu <> 1",
            Some("(taploom.`bu` > taploom.`i` AND taploom.`bu` <> 1)".to_owned()),
        ),
        ("bu > -1", Some("taploom.`bu` > -1".to_owned())),
        ("bu = 18446744073709551615", None),
        ("bu - i > 0", None),
        ("z = 42", Some("taploom.`z` = 42".to_owned())),
        ("b", Some("taploom.`b` = 1".to_owned())),
        ("NOT b", Some("taploom.`b` = 0".to_owned())),
        ("bi", Some("taploom.`bi` = 1".to_owned())),
        ("r = 0.1", Some("taploom.`r` = 1e-1".to_owned())),
        ("r >= 5e-324", Some("taploom.`r` >= 5e-324".to_owned())),
        ("r < 1.7976931348623157e308", Some("taploom.`r` < 1.7976931348623157e308".to_owned())),
        ("r = 0", Some("taploom.`r` = 0e0".to_owned())),
        ("r = 9007199254740993", None),
        ("r < 'inf'", None),
        ("r / 0 > 1", None),
        ("rr = 0.1", None),
        ("ff = 0.1", None),
        // The server sends 16777216 as 16777200.
        (
            "f = 16777200",
            Some("(taploom.`f` >= 1.6777032228e7 AND taploom.`f` <= 1.6777367772e7)".to_owned()),
        ),
        ("f <> 16777200", None),
        ("f < 0.25", Some("taploom.`f` <= 2.500025e-1".to_owned())),
        (
            "f IN (0.25, 3)",
            Some(
                "((taploom.`f` >= 2.499975e-1 AND taploom.`f` <= 2.500025e-1) OR \
            (taploom.`f` >= 2.99997e0 AND taploom.`f` <= 3.00003e0))"
                    .to_owned(),
            ),
        ),
        ("f < r", None),
        ("de = '1.50'", None),
        // 70 would be the year 1970.
        ("y = 70", None),
        ("y > 1990", None),
        ("da >= '2027-01-03'", Some("taploom.`da` >= TIMESTAMP'2027-01-03 00:00:00'".to_owned())),
        ("da = '2027-01-02'", Some("taploom.`da` = TIMESTAMP'2027-01-02 00:00:00'".to_owned())),
        ("da < '2027-01-02 12:00:00'", None),
        ("dt > '2027-01-02'", Some("taploom.`dt` > TIMESTAMP'2027-01-02 00:00:00'".to_owned())),
        (
            "dt = '2027-01-02 00:00:01'",
            Some("taploom.`dt` = TIMESTAMP'2027-01-02 00:00:01'".to_owned()),
        ),
        ("dt > '2027-01-02 00:00:00.5'", None),
        ("dt < '0999-01-01'", None),
        ("d1 = '2027-01-02'", None),
        ("da < dt", Some("taploom.`da` < taploom.`dt`".to_owned())),
        (
            "ts <= '2027-01-02 00:00:00'",
            Some("taploom.`ts` <= TIMESTAMP'2027-01-02 00:00:00'".to_owned()),
        ),
        ("ts < '2050-01-01'", None),
        ("ts > '1960-01-01'", None),
        ("ti = '01:02:03'", None),
        ("t = 'a'", Some("taploom.`t` = _utf8mb4'a'".to_owned())),
        ("t IN ('a', 'it''s')", Some("taploom.`t` IN (_utf8mb4'a', _utf8mb4'it''s')".to_owned())),
        ("t = 'a\\'", Some("taploom.`t` = _utf8mb4 X'615c'".to_owned())),
        ("t = ''", Some("taploom.`t` = _utf8mb4 X''".to_owned())),
        ("t <> 'a'", Some(t("BYTES <> _utf8mb4'a'"))),
        ("t > 'a'", Some(t("BYTES > _utf8mb4'a'"))),
        ("t LIKE 'a%'", Some(t("(BYTES >= _utf8mb4'a' AND BYTES < _utf8mb4'b')"))),
        ("t ILIKE 'a%'", None),
        ("t NOT LIKE 'a%'", None),
        ("t IS DISTINCT FROM 'a'", Some(t("(taploom.`t` IS NULL OR BYTES <> _utf8mb4'a')"))),
        ("t < c", Some(t("BYTES < CAST(CONVERT(taploom.`c` USING utf8mb4) AS BINARY)"))),
        ("c = 'é'", Some("taploom.`c` = _utf8mb4'é'".to_owned())),
        // Two byte sequences of cp932 stand for this character.
        ("k = '≒'", Some(format!("{BYTES_OF_K} = _utf8mb4'≒'"))),
        ("e = '1'", Some("taploom.`e` = _utf8mb4'1'".to_owned())),
        ("e = '3'", Some("taploom.`e` = _utf8mb4'3'".to_owned())),
        (
            "e < 'b'",
            Some("CAST(CONVERT(taploom.`e` USING utf8mb4) AS BINARY) < _utf8mb4'b'".to_owned()),
        ),
        ("s = 'x'", Some("taploom.`s` = _utf8mb4'x'".to_owned())),
        ("js = '1'", Some("taploom.`js` = _utf8mb4'1'".to_owned())),
        ("vb = X'61'", None),
        ("vb IS NULL", Some("taploom.`vb` IS NULL".to_owned())),
        ("de IS NOT NULL", Some("taploom.`de` IS NOT NULL".to_owned())),
        ("\"odd `\"\"'name\" = 2", Some("taploom.`odd ``\"'name` = 2".to_owned())),
        ("i = NULL", Some("1 = 0".to_owned())),
        ("t = 'a' AND f * 2 > 1", Some("taploom.`t` = _utf8mb4'a'".to_owned())),
        ("t = 'a' OR f * 2 > 1", None),
    ] {
        let selection = Selection { condition: Some(condition), ..Selection::default() };
        let (rows, executed) =
            rows_and_executed_sql("SELECT * FROM traps AS marker", selection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{condition}: {error}"));
        assert_eq!(condition_of(&executed), pushed.as_deref(), "{condition}: {executed}");
        let all = selected_rows(&LOGGING_SERVER.url(), "SELECT * FROM traps LIMIT 9", selection)
            .await
            .unwrap();
        assert_eq!(unordered(&rows), unordered(&all), "{condition}");
        assert_eq!(rows.schema(), all.schema());
    }
}

#[tokio::test]
async fn errors_in_cells_are_reported_only_for_rows_that_are_selected() {
    LOGGING_SERVER
        .sql(
            "SET sql_mode = ''; CREATE TABLE zeros (i INT, d DATE NOT NULL, b BOOLEAN);
             INSERT INTO zeros VALUES (1, '2027-01-02', 1), (2, '0000-00-00', 2)",
        )
        .unwrap();
    let url = LOGGING_SERVER.url();
    let selected_rows = |condition| {
        let selection = Selection { condition: Some(condition), ..Selection::default() };
        selected_rows(&url, "SELECT * FROM zeros", selection)
    };
    assert_eq!(selected_rows("i < 2").await.unwrap().num_rows(), 1);
    assert_eq!(selected_rows("d > '2000-01-01'").await.unwrap().num_rows(), 1);
    let error = selected_rows("i > 1").await.unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::InvalidValue, Some(1)), "{error}");
    let error = selected_rows("d IS NULL").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
}
