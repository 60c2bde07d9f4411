//! Statements other than queries, and logins.

use super::*;

#[tokio::test]
async fn files_of_this_machine_are_not_sent() {
    SERVER.sql("CREATE TABLE loot (t TEXT)").unwrap();
    let url = format!("{}?session=unchanged", SERVER.url());
    let options: MysqlOptions = url.parse().unwrap();
    let mut connection = MysqlConnection::connect(&options).await.unwrap();
    let load = "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE loot";
    assert!(connection.execute(load).await.is_err());
    assert_eq!(SERVER.sql("SELECT COUNT(*) FROM loot").unwrap().trim(), "0");
}

#[tokio::test]
async fn plain_statements() {
    let options = MysqlOptions { session: Session::Unchanged, ..options() };
    let mut connection = MysqlConnection::connect(&options).await.unwrap();
    connection.execute("CREATE TABLE plain (n INT)").await.unwrap();
    assert_eq!(connection.execute("INSERT INTO plain VALUES (1), (2), (3)").await.unwrap(), 3);
    // Rows are discarded, and the connection can be used further.
    assert_eq!(connection.execute("SELECT * FROM plain").await.unwrap(), 0);
    let error = connection.execute("DROP TABLE nothing").await.unwrap_err();
    assert_eq!(server_error(&error).code, 1051);
    let source = connection.query("SELECT SUM(n) FROM plain", None, BatchLimits::default()).await;
    let batch = source.unwrap().next().await.unwrap().rows().unwrap();
    assert_eq!(texts(&batch, 0), [Some("6".to_owned())]);
    MysqlConnection::connect(&options).await.unwrap().close().await;
}

#[tokio::test]
async fn methods_of_authentication() {
    SERVER
        .sql(
            "CREATE USER native IDENTIFIED VIA mysql_native_password USING PASSWORD('p@ss/w:rd');
             CREATE USER socket IDENTIFIED VIA unix_socket",
        )
        .unwrap();
    let read = |user: &str| {
        let url = SERVER.url().replace("taploom:", &format!("{user}:")).replace("/test", "");
        async move { rows_of(&url, "SELECT 1", None).await }
    };
    assert_eq!(read("native").await.unwrap().num_rows(), 1);
    let error = read("socket").await.unwrap_err();
    assert!(error.is_caller_fault(), "{error:#}");
}
