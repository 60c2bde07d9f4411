//! Connections over TLS.

use taploom_test_servers::Settings;

use super::*;

#[tokio::test]
async fn tls_is_as_strict_as_its_mode() {
    let server = Server::start_with(&Settings { tls: true, ..Settings::default() }).unwrap();
    let ca = server.folder().join("ca.pem").display().to_string();
    let [without, preferred, required, known_authority, this_host] = Server::TLS_MODES;
    let (mode_option, ca_option) = (Server::TLS_MODE, Server::TLS_AUTHORITIES);
    let read = |url: String| async move {
        let rows = rows_of(&url, Server::TLS_VERSION_QUERY, None).await?;
        Ok::<_, Error>(texts(&rows, 0)[0].clone())
    };
    let tls = Some("TLSv1.3".to_owned());
    let url = server.url();
    for mode in [preferred, required] {
        assert_eq!(read(format!("{url}?{mode_option}={mode}")).await.unwrap(), tls, "{mode}");
    }
    assert_eq!(read(format!("{url}?{mode_option}={without}")).await.unwrap(), None);
    for mode in [known_authority, this_host] {
        let trusted = read(format!("{url}?{mode_option}={mode}&{ca_option}={ca}")).await.unwrap();
        assert_eq!(trusted, tls, "{mode}");
        // The authorities of the system do not include this one.
        let without_ca = format!("{url}?{mode_option}={mode}&{}=0", Server::CONNECT_RETRIES);
        let error = read(without_ca).await.unwrap_err();
        assert!(error.is_caller_fault(), "{mode}: {error:#}");
    }
    // A query over TLS is also cancelled over TLS.
    let over_tls = format!("{url}?{mode_option}={required}").parse().unwrap();
    let mut source =
        Server::query(&over_tls, &numbered_rows(50_000_000), BatchLimits::default()).await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    Server::cancel(&Server::canceler(&source)).await.unwrap();
    let (_, error) = read_to_error(&mut source).await;
    assert_eq!(Server::code(&error), Server::CANCELED, "{error:#}");

    // The same server under an address that its certificate does not have.
    let other = url.replace("127.0.0.1", "0.0.0.0");
    let connect = |mode: &str| {
        let options: Options =
            format!("{other}?{mode_option}={mode}&{ca_option}={ca}").parse().unwrap();
        async move { Connection::connect(&options).await }
    };
    connect(known_authority).await.unwrap();
    let Err(error) = connect(this_host).await else {
        panic!("a certificate for another host is accepted")
    };
    assert!(error.is_caller_fault(), "{error:#}");

    // A server without TLS.
    let url = format!("{}?{mode_option}={required}", SERVER.url());
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}
