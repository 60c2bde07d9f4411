//! The formats of this program, collected once.

use std::sync::OnceLock;

use taploom_format::EncoderRegistry;

pub(crate) fn registry() -> &'static EncoderRegistry {
    static REGISTRY: OnceLock<EncoderRegistry> = OnceLock::new();
    REGISTRY.get_or_init(|| taploom::registry().expect("no two formats claim the same name"))
}
