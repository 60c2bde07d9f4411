//! Connections that fail, are lost, or are not trusted.

use super::*;

#[tokio::test]
async fn a_password_is_never_shown() {
    let url = SERVER.url().replace("p%40ss%2Fw%3Ard", "wr0ng%21");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error:#}");
    assert_eq!(server_error(&error).code, 1045);
    let shown = format!("{error} {error:#} {error:?}");
    assert!(!shown.contains("wr0ng"), "{shown}");

    let nobody = format!("mysql://u:s3cret@127.0.0.1:{}/test?connect-retries=0", free_port());
    let error = rows_of(&nobody, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    let shown = format!("{error:#} {error:?} {:?}", nobody.parse::<MysqlOptions>().unwrap());
    assert!(!shown.contains("s3cret") && shown.contains("127.0.0.1"), "{shown}");
    let request = format!("{:?}", Request::new(&nobody));
    assert!(!request.contains("s3cret"), "{request}");
    let request = Request::new(&nobody).with_table("1");
    let Err(error) = open(&request).await else { panic!("a query has no choice of tables") };
    assert!(error.is_caller_fault() && !format!("{error:?}").contains("s3cret"), "{error}");

    let error =
        rows_of(&SERVER.url().replace("/test", "/nowhere"), "SELECT 1", None).await.unwrap_err();
    assert_eq!(server_error(&error).code, 1049);
    assert!(error.is_caller_fault());
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_connection_that_is_lost_says_how_many_rows_came() {
    let marker = "/* lost */";
    let query = format!("{} {marker}", many(50_000_000));
    let mut source = start(&query, BatchLimits::default()).await;
    let mut rows = source.next().await.unwrap().rows().unwrap().num_rows();
    let processes = SERVER.sql("SHOW FULL PROCESSLIST").unwrap();
    let process = processes.lines().find(|line| line.contains(marker)).unwrap();
    let id = process.split('\t').next().unwrap();
    SERVER.sql(&format!("KILL CONNECTION {id}")).unwrap();
    let error = loop {
        match source.next().await {
            Ok(Step::Rows(batch)) => rows += batch.num_rows(),
            Ok(Step::End(_)) => panic!("the query came to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
    let after: usize = error
        .message()
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("{error:#}"));
    // Some came with the batch that was never full.
    assert!((rows..rows + 2000).contains(&after), "{rows}: {error:#}");
    // No more rows, and no end that passes for one.
    assert!(source.next().await.is_err());
}

#[tokio::test]
async fn a_server_that_dies_is_an_error() {
    let server = MariaDb::start().unwrap();
    let options: MysqlOptions = server.url().parse().unwrap();
    let sql = many(NUMBERS);
    let query = mysql::query(&options, &sql, None, BatchLimits::default());
    let mut source = query.await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    drop(server);
    let error = loop {
        match source.next().await {
            Ok(Step::Rows(_)) => {}
            Ok(Step::End(_)) => panic!("the query came to its end"),
            Err(error) => break error,
        }
    };
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
    let url = format!("{}?connect-retries=1", door(2).await);
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source, "{error:#}");
}

#[tokio::test]
async fn a_greeting_that_is_damaged_is_an_error() {
    let mut greeting = vec![0; 4];
    let mut server = TcpStream::connect(("127.0.0.1", SERVER.port())).await.unwrap();
    server.read_exact(&mut greeting).await.unwrap();
    let length = usize::from(greeting[0]);
    greeting.resize(4 + length, 0);
    server.read_exact(&mut greeting[4..]).await.unwrap();
    let damaged = (0..length).flat_map(|at| {
        let mut short = greeting[..4 + at].to_vec();
        short[0] = at as u8;
        let mut other = greeting.clone();
        other[4 + at] ^= 0xff;
        [short, other]
    });
    for bytes in damaged {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = MysqlOptions {
            port: listener.local_addr().unwrap().port(),
            connect_retries: 0,
            ..options()
        };
        let serve = async {
            let (mut client, _) = listener.accept().await.unwrap();
            let _ = client.write_all(&bytes).await;
        };
        let (connected, ()) = tokio::join!(MysqlConnection::connect(&options), serve);
        let Err(error) = connected else { panic!("{bytes:?} is a greeting") };
        assert_ne!(error.kind(), ErrorKind::Internal, "{error:#}");
    }
}

#[tokio::test]
async fn silence_has_an_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("mysql://u:p@127.0.0.1:{port}/d?connect-timeout=0.2&connect-retries=0");
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(format!("{error:#}").contains("no answer within 0.2 s"), "{error:#}");

    let url = format!("{}?idle-timeout=0.5&connect-retries=0", SERVER.url());
    let marker = "/* silent */";
    let query = format!("SELECT COUNT(*) FROM seq_1_to_2000000000 WHERE SQRT(seq) < 0 {marker}");
    let error = rows_of(&url, &query, None).await.unwrap_err();
    assert!(
        format!("{error:#}").contains("nothing came or went for 0.5 s; idle-timeout="),
        "{error:#}"
    );
    until("the query", || !runs(marker)).await;
}

#[tokio::test]
async fn tls_is_as_strict_as_asked_for() {
    let settings = Settings { tls: true, ..Settings::default() };
    let server = MariaDb::start_with(&settings).unwrap();
    let ca = server.folder().join("ca.pem").display().to_string();
    let cipher = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    let read = |url: String| async move {
        let rows = rows_of(&url, cipher, None).await?;
        Ok::<String, Error>(texts(&rows, 1)[0].clone().unwrap_or_default())
    };
    let url = server.url();
    for mode in ["preferred", "required"] {
        let cipher = read(format!("{url}?ssl-mode={mode}")).await.unwrap();
        assert!(cipher.starts_with("TLS_"), "{mode}: {cipher}");
    }
    assert_eq!(read(format!("{url}?ssl-mode=disabled")).await.unwrap(), "");
    for mode in ["verify-ca", "verify-identity"] {
        let trusted = read(format!("{url}?ssl-mode={mode}&ssl-ca={ca}")).await.unwrap();
        assert!(trusted.starts_with("TLS_"), "{mode}: {trusted}");
        // The system does not know this authority.
        let error = read(format!("{url}?ssl-mode={mode}&connect-retries=0")).await.unwrap_err();
        assert!(error.is_caller_fault(), "{mode}: {error:#}");
    }
    // The same server under an address that its certificate does not have.
    let other = MysqlOptions {
        host: "0.0.0.0".to_owned(),
        ssl_ca: Some(ca.into()),
        ssl_mode: SslMode::VerifyCa,
        ..url.parse().unwrap()
    };
    MysqlConnection::connect(&other).await.unwrap();
    let other = MysqlOptions { ssl_mode: SslMode::VerifyIdentity, ..other };
    let Err(error) = MysqlConnection::connect(&other).await else { panic!("any name will do") };
    assert!(error.is_caller_fault(), "{error:#}");

    // And one that has none.
    let error = rows_of(&format!("{}?ssl-mode=required", SERVER.url()), "SELECT 1", None).await;
    let error = error.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}

#[test]
fn without_a_runtime_it_is_an_error() {
    let error = futures::executor::block_on(MysqlConnection::connect(&options()));
    let Err(error) = error else { panic!("it works without tokio") };
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
