//! The HTTP client for uploads, and for databases with a REST interface.

use std::time::Duration;

use reqwest::{Client, Proxy, StatusCode};
use url::Url;

use crate::failure::{Failure, FailureCause};
use crate::secret::Secret;

mod hosts;

pub use hosts::Hosts;

/// A client that does not follow redirects, because a signed URL is not valid at another address. It goes through
/// `proxy` or through none: a proxy that the environment names (HTTP_PROXY) would see the signed URLs.
///
/// # Errors
/// The certificates of the system can't be read.
pub fn client(connect_timeout: Duration, proxy: Option<&Secret<Url>>) -> Result<Client, Failure> {
    // This fails if a provider was installed before; that one works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if let Some(proxy) = proxy {
        // The library would pass over another one, and go to the store without a proxy.
        let url = proxy.expose();
        if !is_web(url) {
            return Err(Failure::invalid("the proxy is not an http or https URL with a host"));
        }
        let proxy = Proxy::all(proxy.expose().clone()).map_err(|error| {
            Failure::invalid(format!("the proxy can't be used: {}", one_line(error)))
        })?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| {
        let message = format!("no HTTP client: {}", one_line(error));
        Failure::new(FailureCause::Internal, message)
    })
}

/// Whether a URL is one that HTTP can ask: `http` or `https`, with a host.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// Whether another attempt may succeed after an answer with this status. A server that answers 408 has waited too long for
/// the bytes; RFC 9110, 15.5.9.
pub fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_tried_again() {
        let again = (400..600).filter(|code| StatusCode::from_u16(*code).is_ok_and(may_pass));
        let expected = [408_u16, 429].into_iter().chain(500..600);
        assert!(again.eq(expected));
    }
}
