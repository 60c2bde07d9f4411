//! Requests, and registries that are refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;
use taploom_model::ResultSchema;

use crate::encoder::{EncodeContext, ResultEncoder};
use crate::format_info::FormatInfo;
use crate::plugin::EncoderFormat;
use crate::sink::Output;

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Mode {
    mode: String,
}

const fn info(id: &'static str, media_types: &'static [&'static str]) -> FormatInfo {
    FormatInfo::new(id, "an example", media_types)
}

macro_rules! declare {
    ($name:ident, $info:expr) => {
        struct $name;
        impl EncoderFormat for $name {
            const INFO: FormatInfo = $info;
            type Options = Mode;
            fn start(
                _: &Mode,
                _: &ResultSchema,
                _: &EncodeContext,
                _: Output,
            ) -> Result<Box<dyn ResultEncoder>> {
                Err(Error::new(ErrorKind::Internal, "not started in these tests"))
            }
        }
    };
}
declare!(
    X,
    info("ex", &["text/x", "application/x"])
        .with_short_names(&[("x", "text/x"), ("x/fast", "text/x;mode=fast")])
        .with_extensions(&["x"])
);
declare!(Y, info("why", &["text/x"]));
declare!(Z, info("zed", &["text/z"]).with_short_names(&[("z", "text/z;speed=9")]));
declare!(Broken, info("broken", &["text/b"]).with_short_names(&[("b", "text/b;mode")]));

fn registry() -> EncoderRegistry {
    EncoderRegistry::new([EncoderPlugin::of::<X>()]).unwrap()
}

#[test]
fn every_name_leads_to_the_format() {
    for (asked, answer) in [
        ("ex", "text/x"),
        ("X", "text/x"),
        ("x/fast", "text/x;mode=fast"),
        ("text/x", "text/x"),
        (" Application/X ; MODE=Slow ", "application/x;mode=Slow"),
        ("text/x;charset=UTF-8", "text/x;charset=UTF-8"),
        ("ex;mode=slow", "text/x;mode=slow"),
        ("X ; mode=slow", "text/x;mode=slow"),
        ("x/fast;charset=utf-8", "text/x;mode=fast;charset=utf-8"),
    ] {
        let spec = registry().request(asked).unwrap();
        assert_eq!(spec.content_type(), answer, "{asked}");
    }
    assert!(registry().for_extension("X").is_some());
    assert!(registry().for_extension("y").is_none());
}

#[test]
fn parameters_of_a_request_name_the_format_once() {
    let ask = |parameters: &[(&str, &str)]| {
        let registry = registry().with_default("ex").unwrap();
        registry.request_of(parameters.iter().copied()).map(|spec| spec.content_type())
    };
    assert_eq!(ask(&[("QUERY", "x"), ("Format", "x/fast")]).unwrap(), "text/x;mode=fast");
    assert_eq!(ask(&[("format", "x"), ("RESPONSEFORMAT", "text/x")]).unwrap(), "text/x");
    assert_eq!(ask(&[("QUERY", "x"), ("FORMAT", "")]).unwrap(), "text/x");
    let twice = ask(&[("FORMAT", "x"), ("format", "x")]).unwrap_err();
    assert_eq!(twice.to_string(), r#"FORMAT is given twice, as "x" and as "x""#);
    let both = ask(&[("FORMAT", "x"), ("RESPONSEFORMAT", "x/fast")]).unwrap_err();
    assert_eq!(both.to_string(), r#"RESPONSEFORMAT is "x/fast" and FORMAT is "x"; give one"#);
    assert_eq!(ask(&[("FORMAT", "y")]).unwrap_err().kind(), ErrorKind::UnknownFormat);
}

#[test]
fn the_best_of_what_a_client_takes() {
    let ask = |header: &str| {
        let registry = registry().with_default("ex").unwrap();
        registry.accept(header).map(|spec| spec.content_type())
    };
    for (header, answer) in [
        ("", "text/x"),
        ("*/*", "text/x"),
        ("text/html, */*;q=0.8", "text/x"),
        ("text/y, application/x;q=0.1", "application/x"),
        ("text/x;q=0.5, application/X;mode=slow", "application/x;mode=slow"),
        ("text/x;quality=low, application/*;q=0.2", "application/x"),
        ("text/x;q=0, */*", "application/x"),
    ] {
        assert_eq!(ask(header).unwrap(), answer, "{header:?}");
    }
    for header in ["text/html", "*/*;q=0", "text/x;q=0", "text/x;q=7", ",,;"] {
        assert_eq!(ask(header).unwrap_err().kind(), ErrorKind::UnknownFormat, "{header:?}");
    }
}

#[test]
fn errors_list_what_is_known() {
    let error = registry().request("vtable").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"format "vtable" is unknown; known: ex = x = x/fast = text/x = application/x"#
    );
    for unknown in ["text/y", "y;mode=fast", ";mode=fast"] {
        assert_eq!(registry().request(unknown).unwrap_err().kind(), ErrorKind::UnknownFormat);
    }
    for wrong in ["x/fast;mode=slow", "x;speed=9", "x;mode"] {
        assert!(registry().request(wrong).unwrap_err().is_caller_fault(), "{wrong}");
    }
    assert_eq!(
        registry().request("text/x;q=1").unwrap_err().to_string(),
        "format ex: option q is unknown; known: mode"
    );
    assert!(registry().request("text/x;charset=latin1").unwrap_err().is_caller_fault());
    let spec = registry().request("x/fast").unwrap();
    assert!(spec.with_option("mode", "slow").unwrap_err().is_caller_fault());
}

#[test]
fn a_name_for_options_that_there_are_not_is_refused() {
    let refused = |plugin| EncoderRegistry::new([plugin]).unwrap_err();
    let error = refused(EncoderPlugin::of::<Z>());
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert_eq!(
        format!("{error:#}"),
        "format zed: the name \"z\" stands for \"text/z;speed=9\", which can't be written: \
         format zed: option speed is unknown; known: mode"
    );
    assert_eq!(refused(EncoderPlugin::of::<Broken>()).kind(), ErrorKind::Misuse);
}

#[test]
fn duplicates_name_both() {
    let error =
        EncoderRegistry::new([EncoderPlugin::of::<Y>(), EncoderPlugin::of::<X>()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateFormat);
    assert!(
        error.to_string().starts_with(r#"formats ex and why both claim the media type "text/x""#)
    );
    assert!(EncoderRegistry::new([EncoderPlugin::of::<X>(), EncoderPlugin::of::<X>()]).is_err());
}
