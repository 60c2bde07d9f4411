//! What does not greet as a server of its kind does.

use tokio::io::AsyncWriteExt;

use super::*;

/// The URL of something else than the server, which is tried once.
pub(super) fn elsewhere(port: u16) -> String {
    let (scheme, retries) = (Server::SCHEME, Server::CONNECT_RETRIES);
    format!("{scheme}://u:s3cret@127.0.0.1:{port}/test?{retries}=0")
}

/// The error of a client to which a server says these bytes, and nothing more.
async fn error_after(bytes: &[u8]) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = elsewhere(listener.local_addr().unwrap().port());
    let serve = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        // Were the stream dropped before all of it is read, the client might not get the bytes.
        let _ = tokio::io::copy(&mut client, &mut tokio::io::sink()).await;
    };
    let (connected, ()) = tokio::join!(rows_of(&url, "SELECT 1", None), serve);
    let Err(error) = connected else { panic!("{bytes:?} is a server") };
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
    for bytes in others.into_iter().chain(Server::FOREIGN.iter().copied()) {
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
