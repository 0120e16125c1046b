//! Who feeds this viewer: a chart of the last minute, the totals, and the switch for sharing.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use swarm::{Hindrance, Sharing, Stats};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement, ShadowRoot};

use crate::page::find;
use crate::settings::{self, Terms};

/// The panel in the picture's corner.
#[derive(Debug)]
pub(crate) struct Panel {
    root: ShadowRoot,
    stats: Cell<Stats>,
    samples: RefCell<VecDeque<Sample>>,
}

/// What came within a second.
#[derive(Debug, Clone, Copy)]
struct Sample {
    http_bytes: u64,
    p2p_bytes: u64,
}

impl Panel {
    pub(crate) fn new(root: &ShadowRoot, terms: Terms) -> Panel {
        let panel =
            Panel { root: root.clone(), stats: Cell::default(), samples: RefCell::default() };
        panel.show_terms(terms);
        panel
    }

    pub(crate) fn toggle(&self) {
        self.open(!self.is_open());
    }

    pub(crate) fn close(&self) {
        self.open(false);
    }

    fn open(&self, is_open: bool) {
        let _ = self.find(".panel").toggle_attribute_with_force("hidden", !is_open);
        let _ =
            self.find("[data-action=feeds]").set_attribute("aria-expanded", &is_open.to_string());
        self.refresh();
    }

    fn is_open(&self) -> bool {
        !self.find(".panel").has_attribute("hidden")
    }

    /// Takes the figures of one more second.
    pub(crate) fn sample(&self, stats: &Stats) {
        let before = self.stats.replace(*stats);
        let mut samples = self.samples.borrow_mut();
        if samples.len() == SECONDS {
            samples.pop_front();
        }
        samples.push_back(Sample {
            http_bytes: stats.http_bytes.saturating_sub(before.http_bytes),
            p2p_bytes: stats.p2p_bytes.saturating_sub(before.p2p_bytes),
        });
        drop(samples);
        self.refresh();
    }

    /// Says what keeps viewers from sharing, for as long as it does.
    pub(crate) fn show_hindrance(&self, hindrance: Option<Hindrance>) {
        self.say("hindrance", hindrance.map(|hindrance| hindrance.to_string()).as_deref());
    }

    pub(crate) fn show_sharing(&self, sharing: Sharing) {
        self.switch().set_checked(sharing != Sharing::Off);
    }

    fn switch(&self) -> HtmlInputElement {
        self.find("[data-role=sharing]").unchecked_into()
    }

    fn show_terms(&self, terms: Terms) {
        self.switch().set_disabled(terms.most == Sharing::Off);
        let text = match terms.most {
            Sharing::Full => None,
            Sharing::Receive => Some("On this page you take parts from others and give none."),
            Sharing::Off if settings::can_share() => Some("This page has turned sharing off."),
            Sharing::Off => Some("This browser cannot share."),
        };
        self.say("terms", text);
    }

    fn refresh(&self) {
        if !self.is_open() {
            return;
        }
        let stats = self.stats.get();
        let (p2p, http) = (stats.p2p_bytes, stats.http_bytes);
        let percent = (p2p * 100 + (p2p + http) / 2).checked_div(p2p + http).unwrap_or(0);
        let saved = p2p.saturating_sub(stats.duplicate_bytes);
        self.write("[data-figure=p2p]", &format!("{} ({percent} %)", megabytes(p2p)));
        self.write("[data-figure=http]", &megabytes(http));
        self.write("[data-figure=peers]", &stats.peers.to_string());
        self.write("[data-figure=uploaded]", &megabytes(stats.uploaded_bytes));
        self.write("[data-figure=saved]", &megabytes(saved));
        self.draw(&self.samples.borrow());
    }

    /// Draws the server's bytes at the bottom and those from viewers on top of them, newest at the right.
    fn draw(&self, samples: &VecDeque<Sample>) {
        let total = |sample: &Sample| sample.http_bytes + sample.p2p_bytes;
        let peak = samples.iter().map(total).max().unwrap_or(0);
        let path = |bytes: &dyn Fn(&Sample) -> u64| {
            let mut path = format!("M{} {HEIGHT}", SECONDS - samples.len());
            for sample in samples {
                let height = (bytes(sample) * HEIGHT).checked_div(peak).unwrap_or(0);
                path += &format!("V{}h1", HEIGHT - height);
            }
            path + &format!("V{HEIGHT}z")
        };
        for (selector, path) in
            [("path.p2p", path(&total)), ("path.http", path(&|sample| sample.http_bytes))]
        {
            let _ = self.find(selector).set_attribute("d", &path);
        }
        self.write("[data-role=peak]", &megabytes(peak));
    }

    /// Shows a line, or hides it when there is nothing to say.
    fn say(&self, role: &str, text: Option<&str>) {
        let line = self.find(&format!("[data-role={role}]"));
        line.set_text_content(text);
        let _ = line.toggle_attribute_with_force("hidden", text.is_none());
    }

    fn write(&self, selector: &str, text: &str) {
        self.find(selector).set_text_content(Some(text));
    }

    fn find(&self, selector: &str) -> Element {
        find(&self.root, selector)
    }
}

/// Megabytes with one decimal, rounded. Rust's own way of writing fractions would take 12 KB of the module.
fn megabytes(bytes: u64) -> String {
    let tenths = (bytes + 50_000) / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// The width of the chart in `controls.html`: one unit each.
const SECONDS: usize = 60;
/// The height of the chart there: finer than its pixels.
const HEIGHT: u64 = 100;
