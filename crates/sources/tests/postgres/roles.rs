//! Users and databases with settings other than the defaults.

use std::process::Stdio;

use super::types::{create_types, query_of_every_type};
use super::*;

/// The URL for another user, who has the same password.
fn url_of(role: &str) -> String {
    SERVER.url().replace("taploom:", &format!("{role}:"))
}

#[tokio::test]
async fn settings_of_a_user_change_no_value() {
    create_types();
    SERVER
        .sql(&format!(
            "CREATE ROLE odd SUPERUSER LOGIN PASSWORD '{}';
             ALTER ROLE odd SET intervalstyle = 'sql_standard';
             ALTER ROLE odd SET datestyle = 'German, DMY';
             ALTER ROLE odd SET bytea_output = 'escape';
             ALTER ROLE odd SET extra_float_digits = -15;
             ALTER ROLE odd SET timezone = 'Asia/Kathmandu';
             ALTER ROLE odd SET client_encoding = 'LATIN1';
             ALTER ROLE odd SET default_transaction_isolation = 'serializable';
             ALTER ROLE odd SET default_transaction_deferrable = on;
             ALTER ROLE odd SET backslash_quote = off;
             ALTER ROLE odd SET client_min_messages = 'debug5';
             ALTER ROLE odd SET log_statement = 'all';
             ALTER ROLE odd SET jit = off",
            Postgres::PASSWORD
        ))
        .unwrap();
    let query = query_of_every_type();
    let usual = rows(&query).await;
    let odd = rows_of(&url_of("odd"), &query, None).await.unwrap();
    assert_eq!(odd, usual);
    // If all columns are declared as text, the server itself writes the values.
    let columns: Vec<_> =
        (0..usual.num_columns()).map(|_| json!({"datatype": "char", "arraysize": "*"})).collect();
    let columns = || Some(databases::column_list(json!(columns)));
    let usual = rows_of(&SERVER.url(), &query, columns()).await.unwrap();
    let odd = rows_of(&url_of("odd"), &query, columns()).await.unwrap();
    assert_eq!(odd, usual);
}

#[tokio::test]
async fn a_user_may_have_no_search_path() {
    SERVER
        .sql(&format!(
            "CREATE ROLE lost LOGIN PASSWORD '{}'; ALTER ROLE lost SET search_path = '';
             CREATE TABLE commented (ra float8); GRANT SELECT ON commented TO lost;
             COMMENT ON COLUMN commented.ra IS 'Right ascension'",
            Postgres::PASSWORD
        ))
        .unwrap();
    let url = url_of("lost");
    let query = "SELECT ra, public.spoint '(0, 0)' AS p FROM public.commented";
    let source = open(&Request::new(&url).with_query(query)).await.unwrap();
    let [ra, p] = source.schema().columns() else { panic!("{:?}", source.schema()) };
    assert_eq!(ra.metadata().description.as_deref(), Some("Right ascension"));
    assert_eq!(p.vo_type().unwrap().xtype.as_deref(), Some("point"));
}

#[tokio::test]
async fn a_database_of_latin_1_is_read_as_utf_8() {
    SERVER.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    let query = "SELECT 'é' AS \"naïve\", chr(233) AS b, '\\xe9'::bytea AS c, '{é}'::text[] AS d";
    let url = SERVER.url().replace("/test", "/latin");
    let read = rows_of(&url, query, None).await.unwrap();
    assert_eq!(read.schema().field(0).name(), "naïve");
    let read: Vec<_> = [0, 1, 3].iter().map(|index| texts(&read, *index)[0].clone()).collect();
    assert_eq!(read, ["é", "é", "{é}"].map(|text| Some(text.to_owned())));
    // What the database can't hold is an error of the query.
    let error = rows_of(&url, "SELECT '🙂'", None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("22P05"), "{error:#}");
}

#[tokio::test]
async fn a_database_of_bytes_may_have_text_that_is_not_utf_8() {
    SERVER.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0").unwrap();
    let url = SERVER.url().replace("/test", "/bytes");
    let read = rows_of(&url, "SELECT 'é' AS \"naïve\"", None).await.unwrap();
    assert_eq!(texts(&read, 0), [Some("é".to_owned())]);
    // The server itself refuses to send what is not UTF-8; as bytes, it can be read.
    let error = rows_of(&url, "SELECT E'a\\xe9' AS x", None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("22021"), "{error:#}");
    let read = rows_of(&url, "SELECT E'a\\xe9'::text::bytea AS x", None).await.unwrap();
    assert_eq!(read.column(0).as_binary::<i32>().value(0), b"a\xe9");
    // An error message of the server may have such text, too.
    let error = rows_of(&url, "SELECT E'\\xe9'::int", None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("22021"), "{error:#}");
}

#[tokio::test]
async fn names_of_columns_that_are_not_utf_8() {
    SERVER.sql("CREATE DATABASE names ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0").unwrap();
    let view = "DO $$ BEGIN EXECUTE E'CREATE VIEW v AS SELECT 1 AS \"\\xe9\"'; END $$";
    let made = SERVER.client().args(["-d", "names", "-c", view]).stdin(Stdio::null()).status();
    assert!(made.unwrap().success());
    let url = SERVER.url().replace("/test", "/names");
    let query = "SELECT * FROM v";
    let error = rows_of(&url, query, None).await.unwrap_err();
    assert!(error.is_caller_fault() && format!("{error:#}").contains("22021"), "{error:#}");
}
