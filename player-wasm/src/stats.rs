//! The numbers and words that the element's `stats()` tells, as a plain object.

use js_sys::{Object, Reflect};
use swarm::{Hindrance, Sharing, Trust};
use wasm_bindgen::JsValue;

/// An object that is being filled.
pub(crate) struct Told(Object);

impl Told {
    pub(crate) fn new() -> Told {
        Told(Object::new())
    }

    /// Tells a value; what takes more than 53 bits isn't told exactly.
    pub(crate) fn say(&self, name: &str, value: impl Into<JsValue>) {
        let _ = Reflect::set(&self.0, &name.into(), &value.into());
    }

    pub(crate) fn done(self) -> Object {
        self.0
    }
}

/// How far page and viewer share, as in the attribute `p2p`.
pub(crate) fn sharing(sharing: Sharing) -> &'static str {
    match sharing {
        Sharing::Off => "off",
        Sharing::Receive => "receive",
        Sharing::Full => "full",
    }
}

/// Whose word others' bytes are held against.
pub(crate) fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Unknown => "unknown",
        Trust::Signed => "signed",
        Trust::Digests => "digests",
        Trust::Nobody => "nobody",
    }
}

/// What keeps viewers from sharing; `www/panel.js` has a sentence for each.
pub(crate) fn hindrance(hindrance: Hindrance) -> &'static str {
    match hindrance {
        Hindrance::Tracker => "tracker",
        Hindrance::Stun => "stun",
        Hindrance::Unverifiable => "unverifiable",
        Hindrance::ListForged => "listForged",
        Hindrance::ListBroken => "listBroken",
        Hindrance::ListForeign => "listForeign",
        Hindrance::ListMissing => "listMissing",
        Hindrance::Uncheckable => "uncheckable",
    }
}
