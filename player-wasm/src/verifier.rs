//! What is to be verified, on its way to the module that does it and back.
//!
//! ```text
//! Output::Check, Output::Verify ─▶ the bytes as they are now ─▶ www/verifier.js, loaded at the first ─▶ Input::Checked, Input::Verified
//! ```
//!
//! Answers come in the order asked, for they are microtasks of the same length, and wait for the same module. Bytes that are
//! forgotten meanwhile are still held by what asks about them.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use js_sys::{Array, Function, Promise, Uint8Array};
use swarm::{Hash, Input, RequestId};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::driver::{Driver, with};

/// The way to the module.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// Takes the name of a function of the module and what that is given; returns a promise of what it returns.
    call: Function,
    /// The module can't be had, and the engine knows.
    is_missing: Cell<bool>,
}

/// Bytes of a request that a digest is computed of.
type Checked = (RequestId, Range<u64>);

impl Verifier {
    pub(crate) fn new(call: Function) -> Verifier {
        Verifier { call, is_missing: Cell::new(false) }
    }

    /// Has the digest computed of bytes that are held.
    pub(crate) fn check(&self, driver: &Rc<Driver>, checked: Checked, hash: Hash) {
        let name = match hash {
            Hash::Sha256 => "sha256",
            Hash::Blake3 => "blake3",
        };
        let views = driver.bodies.views(checked.0, checked.1.clone());
        let views: Array = views.into_iter().collect();
        self.ask(driver, &Array::of2(&name.into(), &views), Some(checked));
    }

    /// Has a signature verified.
    pub(crate) fn verify(&self, driver: &Rc<Driver>, key: &[u8], message: &[u8], signature: &[u8]) {
        let question = Array::of1(&"verify".into());
        for bytes in [key, message, signature] {
            question.push(&Uint8Array::from(bytes));
        }
        self.ask(driver, &question, None);
    }

    fn ask(&self, driver: &Rc<Driver>, question: &Array, checked: Option<Checked>) {
        let answer = self.call.apply(&JsValue::NULL, question);
        let answer = answer.map(|answer| JsFuture::from(answer.unchecked_into::<Promise>()));
        let driver = Rc::downgrade(driver);
        spawn_local(async move {
            let answer = match answer {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            with(&driver, |driver| match (answer, checked) {
                (Err(_), _) => driver.verifier.lack(driver),
                (Ok(answer), None) => driver.tell(Input::Verified(answer.is_truthy())),
                (Ok(answer), Some((request, bytes))) => {
                    let mut digest = [0; 32];
                    answer.unchecked_ref::<Uint8Array>().copy_to(&mut digest);
                    driver.tell(Input::Checked { request, bytes, digest });
                }
            });
        });
    }

    /// Tells, once, that nothing can be verified.
    fn lack(&self, driver: &Rc<Driver>) {
        if !self.is_missing.replace(true) {
            driver.tell(Input::Unverifiable);
        }
    }
}
