//! Any text as a RESPONSEFORMAT: a format that answers with a media type, or an error of one line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use taploom_format::MediaType;

fuzz_target!(|text: &str| {
    if let Ok(media_type) = text.parse::<MediaType>() {
        let written = media_type.to_string();
        let again: MediaType = written.parse().expect("what is written is read");
        assert_eq!(again, media_type, "{written}");
    }
    let registry = taploom::registry().expect("the formats of this program go together");
    match registry.request(text) {
        Ok(spec) => {
            let answer = spec.content_type();
            answer.parse::<MediaType>().expect("the answer is a media type");
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
});
