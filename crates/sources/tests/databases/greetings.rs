//! The first bytes of a connection: from servers of another kind, and damaged.

use tokio::io::AsyncWriteExt;

use super::*;

/// A URL of a port where the shared server does not listen. One attempt is made to connect to it.
pub(super) fn url_at(port: u16) -> String {
    let (scheme, retries) = (Server::SCHEME, Server::CONNECT_RETRIES);
    format!("{scheme}://u:s3cret@127.0.0.1:{port}/test?{retries}=0")
}

/// The error of a client that is sent these bytes and then the end of the stream.
async fn error_after(bytes: &[u8]) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_at(listener.local_addr().unwrap().port());
    let serve = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        // If the stream were dropped before everything is read, the client might not get the bytes.
        let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
    };
    let (connected, ()) = tokio::join!(rows_of(&url, "SELECT 1", None), serve);
    let Err(error) = connected else { panic!("{bytes:?} passes for a server") };
    error
}

#[tokio::test]
async fn a_server_of_another_kind_is_an_error() {
    let others = [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x03\0\x02\x02\x28",
        b"",
    ];
    for bytes in others.into_iter().chain(Server::INVALID_GREETINGS.iter().copied()) {
        let error = error_after(bytes).await;
        assert!(
            matches!(error.kind(), ErrorKind::Source | ErrorKind::Resources),
            "{bytes:?}: {error:#}"
        );
    }
}

#[tokio::test]
async fn a_greeting_that_is_damaged_is_an_error() {
    let damaged = SERVER.damaged_greetings().await;
    assert!(damaged.len() >= 40, "{damaged:?}");
    for bytes in damaged {
        let error = error_after(&bytes).await;
        assert_ne!(error.kind(), ErrorKind::Internal, "{bytes:?}: {error:#}");
    }
}
