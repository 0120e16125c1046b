//! The sentence that says, before the first connection, what sharing shows to others; and what the viewer answers to it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use swarm::Sharing;
use web_sys::Element;

use crate::driver::{Driver, with};
use crate::settings::{self, Choice, Settings, Terms};

/// The bar over the controls with the sentence and its two buttons.
#[derive(Debug)]
pub(crate) struct Consent {
    bar: Element,
    terms: Terms,
    choice: Cell<Option<Choice>>,
    leaving: RefCell<Option<Timeout>>,
}

impl Consent {
    pub(crate) fn new(bar: Element, settings: &Settings) -> Consent {
        Consent {
            bar,
            terms: settings.terms,
            choice: Cell::new(settings.choice),
            leaving: RefCell::default(),
        }
    }

    /// What page and viewer allow now.
    pub(crate) fn sharing(&self) -> Sharing {
        self.terms.under(self.choice.get())
    }

    /// What the viewer agrees to by saying yes.
    pub(crate) fn yes(&self) -> Choice {
        self.terms.yes()
    }

    /// Says the sentence to those who haven't answered it yet.
    pub(crate) fn introduce(&self, driver: &Rc<Driver>) {
        if self.terms.most == Sharing::Off || self.terms.are_answered(self.choice.get()) {
            return;
        }
        let [text, no, yes] = self.words();
        self.write("[data-action=decline]", no);
        self.write("[data-action=accept]", yes);
        self.write("p", text);
        let _ = self.bar.class_list().add_1("open");
        if !self.terms.asks_first {
            self.leave_later(driver);
        }
    }

    /// The sentence, and what declines and what accepts it.
    fn words(&self) -> [&'static str; 3] {
        match self.terms {
            Terms { asks_first: true, .. } => [
                "May people watching this send parts of it to each other? They can then see each other’s internet address (IP).",
                "No",
                "Share",
            ],
            Terms { most: Sharing::Receive, .. } => [
                "You take parts of this from others who watch it, and give none. They and you can see each other’s internet address (IP).",
                "Turn off",
                "OK",
            ],
            _ => [
                "People watching this send parts of it to each other, and so can see each other’s internet address (IP).",
                "Turn off",
                "OK",
            ],
        }
    }

    /// Takes the bar away after a while, but not from under the pointer or the focus, and not where the viewer would have nothing
    /// else to turn sharing off with.
    fn leave_later(&self, driver: &Rc<Driver>) {
        let driver = Rc::downgrade(driver);
        let leave = move || {
            with(&driver, |driver| {
                let consent = driver.page().consent();
                if consent.bar.matches(KEEPING).unwrap_or(true) {
                    consent.leave_later(driver);
                } else {
                    consent.close();
                }
            })
        };
        *self.leaving.borrow_mut() = Some(Timeout::new(SENTENCE_MS, leave));
    }

    /// Remembers an answer, and tells what it comes to on this page.
    pub(crate) fn answer(&self, choice: Choice) -> Sharing {
        settings::remember_choice(choice);
        self.choice.set(Some(choice));
        self.close();
        self.sharing()
    }

    pub(crate) fn close(&self) {
        self.leaving.take();
        let _ = self.bar.class_list().remove_1("open");
        self.write("p", "");
    }

    fn write(&self, selector: &str, text: &str) {
        if let Ok(Some(element)) = self.bar.query_selector(selector) {
            element.set_text_content(Some(text));
        }
    }
}

/// What keeps the bar there; `bare` is a player without controls, and the panel comes from `www/panel.js`.
const KEEPING: &str = ":hover,:focus-within,.bare *,:not(:has(~.panel))";
/// Time to read the sentence twice.
const SENTENCE_MS: u32 = 12_000;
