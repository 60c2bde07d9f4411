//! Connections that fail, are lost, or are not trusted.

use super::*;

#[tokio::test]
async fn a_password_is_never_shown() {
    let url = SERVER.url().replace("p%40ss%2Fw%3Ard", "wr0ng%21");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:#}");
    assert_eq!(server_error(&error).sqlstate, "28P01");
    let shown = format!("{error} {error:#} {error:?}");
    assert!(!shown.contains("wr0ng"), "{shown}");

    let nobody = format!("postgres://u:s3cret@127.0.0.1:{}/test?connect_retries=0", free_port());
    let error = rows_of(&nobody, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    let shown = format!("{error:#} {error:?} {:?}", nobody.parse::<PostgresOptions>().unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("127.0.0.1"), "{shown}");
    let request = format!("{:?}", Request::new(&nobody));
    assert!(!request.contains("s3cret"), "{request}");

    let error =
        rows_of(&SERVER.url().replace("/test", "/nowhere"), "SELECT 1", None).await.unwrap_err();
    assert_eq!(server_error(&error).sqlstate, "3D000");
    assert!(error.is_caller_fault());

    let none = PostgresOptions { password: None, ..options() };
    let Err(error) = PostgresConnection::connect(&none).await else {
        panic!("no password will do")
    };
    assert!(error.is_caller_fault() && error.message().contains("PGPASSWORD"), "{error:#}");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn every_login_that_a_server_asks_for() {
    for (method, works) in
        [("md5", true), ("scram-sha-256", true), ("trust", true), ("password", false)]
    {
        let server = Postgres::start().unwrap();
        let logins = server.folder().join("data/pg_hba.conf");
        std::fs::write(&logins, format!("local all all trust\nhost all all all {method}\n"))
            .unwrap();
        let sql = match method {
            "md5" => {
                "SET password_encryption = 'md5'; ALTER ROLE taploom PASSWORD 'p@ss/w:rd'; SELECT pg_reload_conf()"
            }
            _ => "SELECT pg_reload_conf()",
        };
        server.sql(sql).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        match rows_of(&server.url(), "SELECT 1", None).await {
            Ok(_) => assert!(works, "{method}"),
            Err(error) => {
                let is_clear = error.message().contains("in clear text");
                assert!(!works && is_clear && error.is_caller_fault(), "{method}: {error:#}");
            }
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_is_a_folder() {
    let folder = SERVER.folder().display().to_string().replace('/', "%2F");
    let url = format!("postgres://postgres@{folder}:{}/test", SERVER.port());
    assert_eq!(rows_of(&url, "SELECT 1", None).await.unwrap().num_rows(), 1);
    let error = rows_of(&format!("{url}?sslmode=require"), "SELECT 1", None).await.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}

#[tokio::test]
async fn a_session_that_is_ended_says_how_many_rows_came() {
    let marker = "/* lost */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    let first = source.next().await.unwrap().rows().unwrap().num_rows();
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%{marker}' AND pid <> pg_backend_pid()"
    );
    SERVER.sql(&end).unwrap();
    let (more, error) = error_of(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    let after = error.message().split_whitespace().find_map(|word| word.parse::<usize>().ok());
    // Some came with the batch that was never full.
    let rows = first + more;
    assert!(after.is_some_and(|after| (rows..rows + 2000).contains(&after)), "{rows}: {error:#}");
    // No more rows, and no end that passes for one.
    assert!(source.next().await.is_err());
}

#[tokio::test]
async fn a_server_that_dies_is_an_error() {
    let server = Postgres::start().unwrap();
    let options: PostgresOptions = server.url().parse().unwrap();
    let sql = many(5_000_000);
    let query = postgres::query(&options, &sql, None, BatchLimits::default());
    let mut source = query.await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    drop(server);
    let (_, error) = error_of(&mut source).await;
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

/// Gives a door to the server that shuts for the first connections.
async fn door(shut: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = SERVER.port();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut near, _) = listener.accept().await.unwrap();
            if number < shut {
                continue;
            }
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    SERVER.url().replace(&server.to_string(), &port.to_string())
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again() {
    let read = rows_of(&door(2).await, "SELECT 1", None).await.unwrap();
    assert_eq!(read.num_rows(), 1);
    let url = format!("{}?connect_retries=1", door(2).await);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

#[tokio::test]
async fn a_server_of_another_kind_is_an_error() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"N",
        b"NR\0\0\0\x08\0\0\0\x63",
        b"NR\0\0\0\x08\0\0\0\x0b",
        b"NR\0\0\0\x08\0\0\0\0D\0\0\0\x06\0\0",
        b"NR\0\0\0\0",
        b"NE\0\0\0\x06SF",
        b"NR\xff\xff\xff\xff\0\0",
        b"",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = PostgresOptions {
            port: listener.local_addr().unwrap().port(),
            connect_retries: 0,
            ..options()
        };
        let serve = async {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.write_all(answer).await;
        };
        let (connected, ()) = tokio::join!(PostgresConnection::connect(&options), serve);
        let Err(error) = connected else { panic!("{answer:?} is a server") };
        assert!(
            matches!(error.kind(), ErrorKind::Source | ErrorKind::Resources),
            "{answer:?}: {error:#}"
        );
    }
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("postgres://u:p@127.0.0.1:{port}/d?connect_timeout=0.2&connect_retries=0");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(format!("{error:#}").contains("no answer within 0.2 s"), "{error:#}");

    let url = format!("{}?idle_timeout=0.5&connect_retries=0", SERVER.url());
    let marker = "/* silent */";
    let error = rows_of(&url, &format!("SELECT pg_sleep(1000) {marker}"), None).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("nothing came or went for 0.5 s; idle_timeout="),
        "{error:#}"
    );
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn tls_is_as_strict_as_asked_for() {
    let server = Postgres::start_with(&Settings { tls: true, ..Settings::default() }).unwrap();
    let ca = server.folder().join("ca.pem").display().to_string();
    let version = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let read = |url: String| async move {
        let rows = rows_of(&url, version, None).await?;
        Ok::<_, Error>(texts(&rows, 0)[0].clone())
    };
    let tls = Some("TLSv1.3".to_owned());
    let url = server.url();
    for mode in ["prefer", "require"] {
        assert_eq!(read(format!("{url}?sslmode={mode}")).await.unwrap(), tls, "{mode}");
    }
    assert_eq!(read(format!("{url}?sslmode=disable")).await.unwrap(), None);
    for mode in ["verify-ca", "verify-full"] {
        let trusted = read(format!("{url}?sslmode={mode}&sslrootcert={ca}")).await.unwrap();
        assert_eq!(trusted, tls, "{mode}");
        // The system does not know this authority.
        let error = read(format!("{url}?sslmode={mode}&connect_retries=0")).await.unwrap_err();
        assert!(error.is_caller_fault(), "{mode}: {error:#}");
    }
    // A query over TLS is cancelled over TLS.
    let required: PostgresOptions = format!("{url}?sslmode=require").parse().unwrap();
    let sql = many(50_000_000);
    let mut source = postgres::query(&required, &sql, None, BatchLimits::default()).await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    source.canceler().cancel().await.unwrap();
    let (_, error) = error_of(&mut source).await;
    assert_eq!(server_error(&error).sqlstate, "57014", "{error:#}");

    // The same server under an address that its certificate does not have.
    let other = PostgresOptions {
        host: "0.0.0.0".to_owned(),
        ssl_root_cert: Some(ca.into()),
        ssl_mode: SslMode::VerifyCa,
        ..url.parse().unwrap()
    };
    PostgresConnection::connect(&other).await.unwrap();
    let other = PostgresOptions { ssl_mode: SslMode::VerifyFull, ..other };
    let Err(error) = PostgresConnection::connect(&other).await else { panic!("any name will do") };
    assert!(error.is_caller_fault(), "{error:#}");

    // And one that has none.
    let error = rows_of(&format!("{}?sslmode=require", SERVER.url()), "SELECT 1", None).await;
    let error = error.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let error = futures::executor::block_on(PostgresConnection::connect(&options()));
    let Err(error) = error else { panic!("it works without tokio") };
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
