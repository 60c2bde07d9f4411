//! Locations in messages, without passwords.

use std::borrow::Cow;

/// A location as messages show it.
///
/// Of a URL, and of any other location with a colon before an `@`, only the scheme is shown, because the
/// rest may have a password.
pub(crate) fn shown(location: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = location.split_once(':') else { return location.into() };
    if !rest.starts_with("//") && !rest.contains('@') && !rest.contains("://") {
        return location.into();
    }
    let slashes = if rest.starts_with("//") { "//" } else { "" };
    if is_scheme(scheme.trim_start()) { format!("{scheme}:{slashes}…") } else { "…".to_owned() }
        .into()
}

/// Whether a location is a URL rather than the name of a file: it begins with a scheme and `://`, or has a
/// user and a password.
pub(crate) fn is_url(location: &str) -> bool {
    location.contains("://") || shown(location) != location
}

/// RFC 3986, 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_hold_a_password_is_not_shown() {
        for (location, expected, url) in [
            ("demo", "demo", false),
            ("stars.parquet", "stars.parquet", false),
            ("sqlite:/data/stars.db", "sqlite:/data/stars.db", false),
            ("stars@home.csv", "stars@home.csv", false),
            ("mysql://tap:SECRET@db/dp1", "mysql://…", true),
            ("mysql+asyncmy://tap:SECRET@db/dp1", "mysql+asyncmy://…", true),
            ("postgresql://db/dp1?password=SECRET", "postgresql://…", true),
            (" mysql://tap:SECRET@db/dp1", " mysql://…", true),
            ("MySQL://tap:SECRET@db/dp1", "MySQL://…", true),
            ("mysql:tap:SECRET@db/dp1", "mysql:…", true),
            ("mysql:/tap:SECRET@db/dp1", "mysql:…", true),
            ("tap:SECRET@db/dp1", "tap:…", true),
            ("//tap:SECRET@db/dp1", "…", true),
            ("SECRET@db:mysql://", "…", true),
            ("", "", false),
        ] {
            assert_eq!((&*shown(location), is_url(location)), (expected, url), "{location}");
        }
    }
}
