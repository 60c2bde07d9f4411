//! The hosts that a request may go to.

use url::Url;

/// A list of hosts. `*.example.org` stands for all hosts below `example.org`. Upper and lower case are the same.
///
/// ```
/// use taploom_jobs::http::Hosts;
///
/// let hosts = Hosts::new(["*.example.org".to_owned()]);
/// assert!(hosts.hold(&"https://s3.example.org:9000/bucket".parse()?));
/// assert!(!hosts.hold(&"https://example.com/".parse()?));
/// # Ok::<(), url::ParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hosts(Vec<String>);

impl Hosts {
    /// Makes a list of names and addresses, without ports.
    pub fn new(hosts: impl IntoIterator<Item = String>) -> Self {
        Self(hosts.into_iter().map(|host| host.trim().to_ascii_lowercase()).collect())
    }

    /// Whether the host of a URL is in the list. Ports don't matter.
    pub fn hold(&self, url: &Url) -> bool {
        // A name that ends in a dot is the same name.
        let Some(host) = url.host_str().map(|host| host.trim_end_matches('.')) else {
            return false;
        };
        self.0.iter().any(|held| match held.strip_prefix("*.") {
            Some(above) => {
                let below = host.strip_suffix(above).and_then(|rest| rest.strip_suffix('.'));
                below.is_some_and(|below| !below.is_empty())
            }
            None => held == host,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails panics")]

    use super::*;

    #[test]
    fn a_star_stands_for_all_hosts_below() {
        let hosts =
            Hosts::new(["Store.example.org", "*.s3.example.com", "[::1]"].map(str::to_owned));
        for (url, held) in [
            ("https://store.example.org/a", true),
            ("https://STORE.example.org:8443/a", true),
            ("https://store.example.org./a", true),
            ("https://b.store.example.org/a", false),
            ("https://store.example.org.evil.net/a", false),
            ("https://store.example.org@evil.net/a", false),
            ("https://bucket.s3.example.com/a", true),
            ("https://a.b.s3.example.com/a", true),
            ("https://s3.example.com/a", false),
            ("https://evils3.example.com/a", false),
            ("http://[::1]/a", true),
            ("http://127.0.0.1/a", false),
        ] {
            assert_eq!(hosts.hold(&url.parse().unwrap()), held, "{url}");
        }
    }
}
