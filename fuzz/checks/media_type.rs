//! Any text, as a RESPONSEFORMAT, must give a format with a media type or an error of one line.

use taploom_format::MediaType;

use crate::registry::registry;

/// Reads the text as a media type and as a request.
pub(crate) fn check(text: &str) {
    if let Ok(media_type) = text.parse::<MediaType>() {
        let written = media_type.to_string();
        let again: MediaType = written.parse().expect("a written media type is read again");
        assert_eq!(again, media_type, "{written}");
    }
    match registry().request(text) {
        Ok(spec) => {
            let answer = spec.content_type();
            answer.parse::<MediaType>().expect("the answer is a media type");
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}
