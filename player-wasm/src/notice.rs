//! The line over the picture: what is amiss with playback, or else, for a while, what keeps viewers from sharing.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use web_sys::Element;

/// The line, and both reasons to show it.
#[derive(Debug)]
pub(crate) struct Notice {
    element: Element,
    /// Trouble with playback, until it is over.
    trouble: RefCell<Option<String>>,
    /// Something that playback doesn't suffer from.
    hint: RefCell<Option<String>>,
    fading: RefCell<Option<Timeout>>,
}

impl Notice {
    pub(crate) fn new(element: Element) -> Rc<Notice> {
        Rc::new(Notice {
            element,
            trouble: RefCell::default(),
            hint: RefCell::default(),
            fading: RefCell::default(),
        })
    }

    pub(crate) fn show_trouble(&self, trouble: Option<&str>) {
        *self.trouble.borrow_mut() = trouble.map(str::to_owned);
        self.refresh();
    }

    /// Shows this where and while there is no trouble, and for a few seconds only.
    pub(crate) fn show_hint(self: &Rc<Self>, hint: Option<String>) {
        let notice = Rc::downgrade(self);
        let fade = move || {
            if let Some(notice) = notice.upgrade() {
                notice.hint.take();
                notice.refresh();
            }
        };
        *self.fading.borrow_mut() = hint.is_some().then(|| Timeout::new(HINT_MS, fade));
        *self.hint.borrow_mut() = hint;
        self.refresh();
    }

    fn refresh(&self) {
        let (trouble, hint) = (self.trouble.borrow(), self.hint.borrow());
        let text = trouble.as_deref().or(hint.as_deref());
        if text.is_some() {
            self.element.set_text_content(text);
        }
        let _ = self.element.class_list().toggle_with_force("hint", trouble.is_none());
        let _ = self.element.toggle_attribute_with_force("hidden", text.is_none());
    }
}

/// Long enough to read two sentences; the panel keeps them.
const HINT_MS: u32 = 8000;
