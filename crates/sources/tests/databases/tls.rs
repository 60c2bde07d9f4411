//! Connections over TLS.

use taploom_test_servers::Settings;

use super::*;

#[tokio::test]
async fn tls_is_as_strict_as_asked_for() {
    let server = Server::start_with(&Settings { tls: true, ..Settings::default() }).unwrap();
    let ca = server.folder().join("ca.pem").display().to_string();
    let [none, preferred, required, any_host, this_host] = Server::TLS_MODES;
    let (mode_is, ca_is) = (Server::TLS_MODE, Server::TLS_AUTHORITIES);
    let read = |url: String| async move {
        let rows = rows_of(&url, Server::TLS_VERSION, None).await?;
        Ok::<_, Error>(texts(&rows, 0)[0].clone())
    };
    let tls = Some("TLSv1.3".to_owned());
    let url = server.url();
    for mode in [preferred, required] {
        assert_eq!(read(format!("{url}?{mode_is}={mode}")).await.unwrap(), tls, "{mode}");
    }
    assert_eq!(read(format!("{url}?{mode_is}={none}")).await.unwrap(), None);
    for mode in [any_host, this_host] {
        let trusted = read(format!("{url}?{mode_is}={mode}&{ca_is}={ca}")).await.unwrap();
        assert_eq!(trusted, tls, "{mode}");
        // The system does not know this authority.
        let once = format!("{url}?{mode_is}={mode}&{}=0", Server::CONNECT_RETRIES);
        let error = read(once).await.unwrap_err();
        assert!(error.is_caller_fault(), "{mode}: {error:#}");
    }
    // A query over TLS is ended over TLS.
    let over_tls = format!("{url}?{mode_is}={required}").parse().unwrap();
    let mut source =
        Server::query(&over_tls, &many(50_000_000), BatchLimits::default()).await.unwrap();
    source.next().await.unwrap().rows().unwrap();
    Server::stop(&Server::stopper(&source)).await.unwrap();
    let (_, error) = error_of(&mut source).await;
    assert_eq!(Server::code(&error), Server::STOPPED, "{error:#}");

    // The same server under an address that its certificate does not have.
    let other = url.replace("127.0.0.1", "0.0.0.0");
    let connect = |mode: &str| {
        let options: Options = format!("{other}?{mode_is}={mode}&{ca_is}={ca}").parse().unwrap();
        async move { Connection::connect(&options).await }
    };
    connect(any_host).await.unwrap();
    let Err(error) = connect(this_host).await else { panic!("any name will do") };
    assert!(error.is_caller_fault(), "{error:#}");

    // And one that has none.
    let url = format!("{}?{mode_is}={required}", SERVER.url());
    let error = rows_of(&url, "SELECT 1", None).await.unwrap_err();
    assert!(error.is_caller_fault() && error.message().contains("no TLS"), "{error:#}");
}
