//! HTML of strangers with only the tags that we know, each closed where it must be.
//!
//! A parser of HTML mends what isn't closed by opening it again in each paragraph that follows, with all its attributes: a few
//! kilobytes become many megabytes. What goes through here first has nothing to mend, so that it grows no more.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::{DEEPEST, push_escaped};

/// The same words with the tags that we know, none of which is open where a paragraph ends.
pub(super) fn known(html: &str) -> String {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // A sink that never asks for it isn't stopped for scripts.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.made.into_inner().html
}

#[derive(Default)]
struct Sink {
    made: RefCell<Made>,
}

#[derive(Default)]
struct Made {
    html: String,
    /// Tags within a line that are open, the outermost first.
    inline: Vec<&'static str>,
    /// Quotes and lists within each other.
    depth: usize,
    /// What is said in it isn't for people.
    hidden: Option<&'static str>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut made = self.made.borrow_mut();
        match token {
            Token::TagToken(tag) => return made.tag(&tag),
            Token::CharacterTokens(text) if made.hidden.is_none() => {
                push_escaped(&mut made.html, &text);
            }
            Token::EOFToken => made.close_lines(),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Made {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let (name, opens) = (&*tag.name, tag.kind == TagKind::StartTag);
        if let Some(hidden) = self.hidden {
            if !opens && name == hidden {
                self.hidden = None;
            }
            return TokenSinkResult::Continue;
        }
        if let Some((hidden, kind)) = HIDDEN.iter().find(|(hidden, _)| opens && *hidden == name) {
            self.hidden = Some(hidden);
            return TokenSinkResult::RawData(*kind);
        }
        if let Some(name) = INLINE.into_iter().find(|known| *known == name) {
            match opens {
                true => self.open_line(name, tag),
                false => self.close_line(name),
            }
        } else if name == "br" {
            self.html.push_str("<br>");
        } else if let Some(name) = BLOCKS.into_iter().find(|known| *known == name) {
            self.close_lines();
            self.block(name, opens);
        }
        TokenSinkResult::Continue
    }

    fn open_line(&mut self, name: &'static str, tag: &Tag) {
        // There is no link in a link.
        if name == "a" {
            self.close_line(name);
        }
        if self.inline.len() == DEEPEST {
            return;
        }
        self.html.push('<');
        self.html.push_str(name);
        let target = tag.attrs.iter().find(|attribute| &*attribute.name.local == "href");
        if let Some(target) = target.filter(|_| name == "a") {
            self.html.push_str(" href=\"");
            push_escaped(&mut self.html, &target.value);
            self.html.push('"');
        }
        self.html.push('>');
        self.inline.push(name);
    }

    fn close_line(&mut self, name: &str) {
        if let Some(place) = self.inline.iter().rposition(|open| *open == name) {
            for open in self.inline.drain(place..).rev() {
                close(&mut self.html, open);
            }
        }
    }

    fn close_lines(&mut self) {
        for open in self.inline.drain(..).rev() {
            close(&mut self.html, open);
        }
    }

    fn block(&mut self, name: &'static str, opens: bool) {
        let is_deep = name != "p" && name != "pre" && name != "div";
        if is_deep && opens {
            self.depth += 1;
        }
        let is_told = !is_deep || (1..=DEEPEST).contains(&self.depth);
        if is_deep && !opens {
            self.depth = self.depth.saturating_sub(1);
        }
        match opens {
            true if is_told => {
                self.html.push('<');
                self.html.push_str(name);
                self.html.push('>');
            }
            false if is_told => close(&mut self.html, name),
            _ => {}
        }
    }
}

fn close(html: &mut String, name: &str) {
    html.push_str("</");
    html.push_str(name);
    html.push('>');
}

/// Tags within a line.
const INLINE: [&str; 5] = ["a", "em", "strong", "del", "code"];

/// Tags around lines.
const BLOCKS: [&str; 7] = ["p", "pre", "blockquote", "ul", "ol", "li", "div"];

/// What is in these is no text to be read, and no tags either.
const HIDDEN: [(&str, RawKind); 4] = [
    ("script", RawKind::ScriptData),
    ("style", RawKind::Rawtext),
    ("title", RawKind::Rcdata),
    ("textarea", RawKind::Rcdata),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_stays_and_is_closed() {
        let same = |html: &str, wanted: &str| assert_eq!(known(html), wanted, "{html}");
        same("<p>A <em>good</em> day<br>x &amp; y</p>", "<p>A <em>good</em> day<br>x &amp; y</p>");
        same("<p><b>a</b><span class=x>b</span><img src=x>", "<p>ab");
        same("<p><em>a<p>b", "<p><em>a</em><p>b");
        same("<em><strong>a</em>b</strong>", "<em><strong>a</strong></em>b");
        same(
            "<a href=\"https://a.example/?a=&quot;>\">x<a href=y>z",
            "<a href=\"https://a.example/?a=&quot;&gt;\">x</a><a href=\"y\">z</a>",
        );
        same("a<script>b<p></script>c<style>p{}</style>d<!-- e -->", "acd");
        same("1 < 2 &lt;script>", "1 &lt; 2 &lt;script&gt;");
        same("<EM>x</EM></p></em></li>", "<em>x</em></p>");
    }

    #[test]
    fn nothing_grows_by_what_is_left_open() {
        let mut attributes = String::new();
        for no in 0..1_600 {
            attributes.push_str(&format!("<em {}>", char::from_u32(0x4e00 + no).unwrap_or('x')));
        }
        let links = format!("<a href=\"https://a.example/{}\">", "x".repeat(1_900));
        for begin in [attributes, links, "<blockquote>".repeat(800), "<b><i><u><s><tt>".repeat(600)]
        {
            // In a paragraph, which the next one closes with all that is open in it.
            let html = format!("<p>{begin}{}", "<p>x".repeat(2_500));
            let made = super::super::cleaned(&html);
            assert!(made.len() < 4 * html.len(), "{} of {}", made.len(), html.len());
            assert!(super::super::markdown(&html).len() < 2 * html.len());
        }
    }
}
