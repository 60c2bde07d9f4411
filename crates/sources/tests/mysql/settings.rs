//! Servers with other settings, and servers that can't choose rows themselves.

use super::conditions::unordered;
use super::pushed::{Wish, ask};
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
            let wish = Wish { condition: Some(condition), select: Some("c"), ..Wish::default() };
            let pushed = ask(&server.url(), "SELECT * FROM modes", wish).await.unwrap();
            let all = ask(&server.url(), "SELECT * FROM modes LIMIT 9", wish).await.unwrap();
            assert_eq!(unordered(&pushed), unordered(&all), "{mode}: {condition}");
        }
    }
}

#[tokio::test]
async fn a_limit_of_the_server_leaves_out_no_rows() {
    let server = MariaDb::start().unwrap();
    server.sql("SET GLOBAL sql_select_limit = 2").unwrap();
    let limited = format!("{}?session=unchanged", server.url());
    for (url, expected) in [(server.url(), 5), (limited, 2)] {
        let rows = rows_of(&url, "SELECT seq FROM seq_1_to_5", None).await.unwrap();
        assert_eq!(rows.num_rows(), expected, "{url}");
    }
    server.sql("CREATE TABLE five AS SELECT CAST(seq AS INT) i FROM seq_1_to_5").unwrap();
    let wish = Wish { condition: Some("i > 1"), ..Wish::default() };
    assert_eq!(ask(&server.url(), "SELECT * FROM five", wish).await.unwrap().num_rows(), 4);
}

/// A door to the server that shuts when it is asked to prepare a query.
async fn narrow_door() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = SERVER.port();
    tokio::spawn(async move {
        loop {
            let (near, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
                    (near.into_split(), far.into_split());
                let back = tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut far_read, &mut near_write).await;
                });
                let mut packet = vec![0; 1 << 16];
                while let Ok(length @ 1..) = near_read.read(&mut packet).await {
                    // The first packet of a command has the number 0.
                    if packet[3..5] == [0, 0x16] {
                        break;
                    }
                    far_write.write_all(&packet[..length]).await.unwrap();
                }
                back.abort();
            });
        }
    });
    SERVER.url().replace(&SERVER.port().to_string(), &port.to_string())
}

#[tokio::test]
async fn a_server_that_can_not_do_it_is_asked_for_all_rows() {
    SERVER
        .sql("CREATE TABLE few (i INT, t TEXT); INSERT INTO few VALUES (1, 'a'), (2, 'b')")
        .unwrap();
    let wish = Wish { select: Some("t"), condition: Some("i = 2"), ..Wish::default() };
    let rows = ask(&narrow_door().await, "SELECT * FROM few", wish).await.unwrap();
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
        // It would keep the whole table in a temporary one.
        ("optimizer_switch = 'derived_merge=off'", "0"),
        ("character_set_results = latin1", "0"),
        ("character_set_client = gbk", "0"),
        ("sql_mode = ''", "1"),
    ] {
        server.sql(&format!("SET GLOBAL init_connect = \"SET {setting}\"")).unwrap();
        let rows = ask(&server.url(), "SELECT * FROM few", wish).await.unwrap();
        assert_eq!(texts(&rows, 0), [Some("b".to_owned())], "{setting}");
        let log = "SELECT COUNT(*) FROM mysql.general_log \
                   WHERE command_type = 'Query' AND argument LIKE 'SELECT taploom%'";
        assert_eq!(server.sql(log).unwrap().trim(), pushed, "{setting}");
    }
}
