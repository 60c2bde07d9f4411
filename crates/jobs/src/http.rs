//! The HTTP client for uploads, and for databases with a REST interface.

use std::time::Duration;

use reqwest::Client;

use crate::failure::{Failure, FailureCause};

/// A client that does not follow redirects, because a signed URL is not valid at another address.
///
/// # Errors
/// The certificates of the system can't be read.
pub fn client(connect_timeout: Duration) -> Result<Client, Failure> {
    // This fails if a provider was installed before; that one works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| {
            let message = format!("no HTTP client: {}", one_line(error));
            Failure::new(FailureCause::Internal, message)
        })
}

/// An error of the client on one line, with its causes and without the URL.
pub fn one_line(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut what = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !what.ends_with(&text) {
            what = format!("{what}: {text}");
        }
        cause = error.source();
    }
    what
}
