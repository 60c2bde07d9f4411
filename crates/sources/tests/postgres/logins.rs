//! Methods of authentication, and Unix sockets.

use super::databases::wait_until;
use super::*;

#[tokio::test]
async fn methods_of_authentication() {
    let methods = [
        ("md5", None),
        ("scram-sha-256", None),
        ("trust", None),
        ("password", Some("in clear text")),
        ("reject", Some("error 28000")),
    ];
    // The user of each method has its name.
    let mut logins = String::new();
    for (method, _) in methods {
        let encryption = if method == "md5" { "md5" } else { "scram-sha-256" };
        let password = Postgres::PASSWORD;
        let sql = format!(
            "SET password_encryption = '{encryption}'; CREATE ROLE \"{method}\" LOGIN PASSWORD '{password}'"
        );
        SERVER.sql(&sql).unwrap();
        logins.push_str(&format!("host all \"{method}\" all {method}\n"));
    }
    let file = SERVER.folder().join("data/pg_hba.conf");
    logins.push_str(&std::fs::read_to_string(&file).unwrap());
    let loaded = || SERVER.sql("SELECT pg_conf_load_time()").unwrap();
    let before = loaded();
    std::fs::write(&file, logins).unwrap();
    SERVER.sql("SELECT pg_reload_conf()").unwrap();
    wait_until("the reading of pg_hba.conf", || loaded() != before).await;

    for (method, refused) in methods {
        let url = SERVER.url().replace("taploom:", &format!("{method}:"));
        match (rows_of(&url, "SELECT 1", None).await, refused) {
            (Ok(rows), None) => assert_eq!(rows.num_rows(), 1, "{method}"),
            (Err(error), Some(words)) => {
                let shown = format!("{error:#}");
                assert!(error.is_caller_fault() && shown.contains(words), "{method}: {shown}");
            }
            (outcome, _) => panic!("{method}: {outcome:?}"),
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_host_that_is_a_folder_has_a_unix_socket() {
    let folder = SERVER.folder().display().to_string().replace('/', "%2F");
    let url = format!("postgres://postgres@{folder}:{}/test", SERVER.port());
    assert_eq!(rows_of(&url, "SELECT 1", None).await.unwrap().num_rows(), 1);
    let error = rows_of(&format!("{url}?sslmode=require"), "SELECT 1", None).await.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}
