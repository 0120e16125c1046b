//! The player: a thin driver that gives the swarm engine a browser's fetch, media element and clock.
//!
//! `www/player.js` defines the custom element `<shoal-player>` and makes one [`Player`] for it. Nothing is decided here
//! that the engine could decide: events of the page become [`swarm::Input`], each [`swarm::Output`] becomes one call of
//! the browser.
//!
//! - `driver`: the loop between engine and browser
//! - `http`: requests to servers
//! - `peers`: connections to other viewers
//! - `tracker`: the connection over which viewers find each other
//! - `bodies`: the bytes that came, in JavaScript's memory
//! - `verifier`: the way to the module that computes digests and verifies signatures
//! - `media`: the media element and its source buffer
//! - `page`: the element's shadow tree: controls, notices, menus, keys
//! - `consent`: the sentence on sharing, and what the viewer answers
//! - `settings`: what is remembered on this browser, and what the element's attributes say
//! - `stats`: what the element tells of itself

mod bodies;
mod consent;
mod driver;
mod http;
mod media;
mod page;
mod peers;
mod settings;
mod stats;
mod tracker;
mod verifier;

use std::rc::Rc;

use js_sys::{Function, Map, Object};
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

use crate::driver::Driver;

/// A third of the size of what Rust brings along, which takes 2.5 KB of what a viewer downloads.
#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

/// The player inside one `<shoal-player>` element.
#[wasm_bindgen]
pub struct Player {
    driver: Rc<Driver>,
}

#[wasm_bindgen]
impl Player {
    /// Starts playing into the open shadow root of `host`.
    ///
    /// `early` maps `url` or `url first-last` to `{ began, response, controller }`: requests that the page's script sent while this
    /// module still compiled. `began` is in milliseconds of `performance.now()`, `response` a promise of a `Response`.
    ///
    /// `verifier(name, …)` returns a promise of what that function of `www/verifier.js` returns.
    #[wasm_bindgen(constructor)]
    pub fn new(host: HtmlElement, early: Map, verifier: Function) -> Player {
        // A browser adds to an error which calls led to it.
        std::panic::set_hook(Box::new(|panic| settings::error(&panic.to_string())));
        Player { driver: Driver::start(host, early, verifier) }
    }

    /// Plain values: bytes, milliseconds, seconds, pixels, counts; and how far is shared, on whose word, and what hinders it.
    pub fn stats(&self) -> Object {
        self.driver.stats()
    }

    /// Ends every request, timer and listener, and lets go of the media.
    pub fn close(self) {
        self.driver.close();
    }
}
