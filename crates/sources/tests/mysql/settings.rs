//! Servers with settings other than the defaults, and servers to which conditions can't be pushed down.

use super::conditions::unordered;
use super::pushed::{Selection, selected_rows};
use super::*;

#[tokio::test]
async fn the_result_is_the_same_in_every_sql_mode() {
    let server = MariaDb::start().unwrap();
    server
        .sql(
            "CREATE TABLE modes (`a\\b` VARCHAR(9), c CHAR(4)); \
             INSERT INTO modes VALUES ('x\\\\', 'a'), ('y', 'b'), ('', '')",
        )
        .unwrap();
    for mode in [
        "",
        "ANSI",
        "NO_BACKSLASH_ESCAPES",
        "ANSI_QUOTES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE",
        "PAD_CHAR_TO_FULL_LENGTH",
        "ORACLE",
        "TRADITIONAL",
        "EMPTY_STRING_IS_NULL",
        "MSSQL",
    ] {
        server.sql(&format!("SET GLOBAL sql_mode = '{mode}'")).unwrap();
        for condition in [
            "\"a\\b\" = 'x\\'",
            "NOT \"a\\b\" < 'y'",
            "c = 'a'",
            "c = 'a   '",
            "c > 'a'",
            "c = ''",
            "\"a\\b\" IN ('', 'y')",
        ] {
            let selection =
                Selection { condition: Some(condition), select: Some("c"), ..Selection::default() };
            let pushed =
                selected_rows(&server.url(), "SELECT * FROM modes", selection).await.unwrap();
            let all = selected_rows(&server.url(), "SELECT * FROM modes LIMIT 9", selection)
                .await
                .unwrap();
            assert_eq!(unordered(&pushed), unordered(&all), "{mode}: {condition}");
        }
    }
}

#[tokio::test]
async fn sql_select_limit_leaves_out_no_rows() {
    let server = MariaDb::start().unwrap();
    server.sql("SET GLOBAL sql_select_limit = 2").unwrap();
    let limited = format!("{}?session=unchanged", server.url());
    for (url, expected) in [(server.url(), 5), (limited, 2)] {
        let rows = rows_of(&url, "SELECT seq FROM seq_1_to_5", None).await.unwrap();
        assert_eq!(rows.num_rows(), expected, "{url}");
    }
    server.sql("CREATE TABLE five AS SELECT CAST(seq AS INT) i FROM seq_1_to_5").unwrap();
    let selection = Selection { condition: Some("i > 1"), ..Selection::default() };
    assert_eq!(
        selected_rows(&server.url(), "SELECT * FROM five", selection).await.unwrap().num_rows(),
        4
    );
}

/// The URL of a TCP proxy in front of the server, which closes a connection when the client prepares a statement.
async fn proxy_without_prepare() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server_port = SERVER.port();
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", server_port)).await.unwrap();
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let answers = tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
                });
                let mut packet = vec![0; 1 << 16];
                while let Ok(length @ 1..) = from_client.read(&mut packet).await {
                    // The first packet of a command has the number 0; 0x16 is COM_STMT_PREPARE.
                    if packet[3..5] == [0, 0x16] {
                        break;
                    }
                    to_server.write_all(&packet[..length]).await.unwrap();
                }
                answers.abort();
            });
        }
    });
    SERVER.url().replace(&server_port.to_string(), &port.to_string())
}

#[tokio::test]
async fn all_rows_are_read_if_a_condition_can_not_be_pushed_down() {
    SERVER
        .sql("CREATE TABLE few (i INT, t TEXT); INSERT INTO few VALUES (1, 'a'), (2, 'b')")
        .unwrap();
    let selection =
        Selection { select: Some("t"), condition: Some("i = 2"), ..Selection::default() };
    let rows = selected_rows(&proxy_without_prepare().await, "SELECT * FROM few", selection)
        .await
        .unwrap();
    assert_eq!(texts(&rows, 0), [Some("b".to_owned())]);

    let server = MariaDb::start_with(&Settings {
        arguments: ["--general-log", "--log-output=TABLE"].map(str::to_owned).to_vec(),
        ..Settings::default()
    });
    let server = server.unwrap();
    server
        .sql(
            "CREATE TABLE few (i INT, t TEXT); INSERT INTO few VALUES (1, 'a'), (2, 'b');
             REVOKE ALL ON *.* FROM taploom; GRANT ALL ON test.* TO taploom",
        )
        .unwrap();
    for (setting, pushed) in [
        // The server would copy the whole table to a temporary one.
        ("optimizer_switch = 'derived_merge=off'", "0"),
        ("character_set_results = latin1", "0"),
        ("character_set_client = gbk", "0"),
        ("sql_mode = ''", "1"),
    ] {
        server.sql(&format!("SET GLOBAL init_connect = \"SET {setting}\"")).unwrap();
        let rows = selected_rows(&server.url(), "SELECT * FROM few", selection).await.unwrap();
        assert_eq!(texts(&rows, 0), [Some("b".to_owned())], "{setting}");
        let log = "SELECT COUNT(*) FROM mysql.general_log \
                   WHERE command_type = 'Query' AND argument LIKE 'SELECT taploom%'";
        assert_eq!(server.sql(log).unwrap().trim(), pushed, "{setting}");
    }
}
