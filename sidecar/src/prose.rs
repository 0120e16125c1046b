//! Texts that people write in Markdown, as HTML that can do nothing but be read.

mod tags;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The HTML of a text; sanitised last, so that whatever the steps before let through ends here.
pub fn html(text: &str) -> String {
    let options = Options::ENABLE_STRIKETHROUGH;
    // A single new line is one, as people who write for video sites expect.
    let mut depth = 0_usize;
    let events = Parser::new_ext(text, options).filter_map(|event| match event {
        Event::Start(Tag::BlockQuote(_) | Tag::List(_) | Tag::Item) => {
            depth += 1;
            (depth <= DEEPEST).then_some(event)
        }
        Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item) => {
            depth -= 1;
            (depth < DEEPEST).then_some(event)
        }
        Event::SoftBreak => Some(Event::HardBreak),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        other => Some(other),
    });
    let mut made = String::with_capacity(text.len() * 2);
    html::push_html(&mut made, events);
    cleaned(&made)
}

/// HTML that somebody else wrote, as HTML that can only be read.
pub fn cleaned(html: &str) -> String {
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .tags(TAGS.into())
        .url_schemes(["http", "https", "mailto"].into())
        .tag_attributes([("a", ["href"].into())].into())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("nofollow noopener ugc"));
    cleaner.clean(&tags::known(html)).to_string()
}

/// A text as HTML in which nothing means anything.
pub(crate) fn escaped(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    push_escaped(&mut made, text);
    made
}

fn push_escaped(made: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => made.push_str("&amp;"),
            '<' => made.push_str("&lt;"),
            '>' => made.push_str("&gt;"),
            '"' => made.push_str("&quot;"),
            '\'' => made.push_str("&#39;"),
            other => made.push(other),
        }
    }
}

/// Whether cleaned HTML has something to read in it.
pub(crate) fn says_something(html: &str) -> bool {
    let mut is_tag = false;
    html.replace("&nbsp;", " ").chars().any(|letter| {
        match letter {
            '<' => is_tag = true,
            '>' if is_tag => is_tag = false,
            _ => {
                return !is_tag
                    && !letter.is_whitespace()
                    && !letter.is_control()
                    && letter != '\u{200b}';
            }
        }
        false
    })
}

/// The beginning of a text as one plain line, for previews and other sites' cards.
pub fn excerpt(text: &str) -> String {
    let mut line = String::new();
    for event in Parser::new(text) {
        match event {
            Event::Text(part) | Event::Code(part) => line.push_str(&part),
            Event::SoftBreak
            | Event::HardBreak
            | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => line.push(' '),
            _ => {}
        }
        if line.len() > 4 * EXCERPT {
            break;
        }
    }
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", words[..end].trim_end()),
        None => words,
    }
}

/// A text of another server, which may be HTML, as Markdown that says the same.
pub fn of_elsewhere(text: &str) -> String {
    if text.trim_start().starts_with('<') { markdown(text) } else { text.trim().to_owned() }
}

/// HTML that somebody elsewhere wrote, as Markdown of the same words: what is kept is of one form, whoever wrote it.
pub fn markdown(html: &str) -> String {
    let mut cleaner = ammonia::Builder::empty();
    cleaner
        .tags(TAGS.into_iter().chain(["div"]).collect())
        .url_schemes(["http", "https"].into())
        .tag_attributes([("a", ["href"].into())].into())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(None);
    let clean = cleaner.clean(&tags::known(html)).to_string();
    let mut made = String::with_capacity(clean.len());
    let mut links: Vec<Option<&str>> = Vec::new();
    let mut rest = clean.as_str();
    while let Some(begin) = rest.find('<') {
        push_text(&mut made, &rest[..begin]);
        let Some((tag, after)) = rest[begin + 1..].split_once('>') else { break };
        rest = after;
        match tag.split([' ', '/']).next().unwrap_or_default() {
            "a" => {
                let target = tag.split_once("href=\"").and_then(|(_, to)| to.split('"').next());
                // In brackets a link would end at the first of these.
                let target = target.filter(|to| !to.contains(['(', ')', ' ']));
                made.push_str(if target.is_some() { "[" } else { "" });
                links.push(target);
            }
            "" if tag == "/a" => {
                if let Some(Some(target)) = links.pop() {
                    made.push_str("](");
                    push_text(&mut made, target);
                    made.push(')');
                }
            }
            "" if ["/p", "/ul", "/ol", "/blockquote", "/pre"].contains(&tag) => {
                made.push_str("\n\n")
            }
            "" if ["/li", "/div"].contains(&tag) => made.push('\n'),
            "br" => made.push('\n'),
            "li" => made.push_str("- "),
            "blockquote" => made.push_str("> "),
            "em" => made.push('*'),
            "strong" => made.push_str("**"),
            "" if tag == "/em" => made.push('*'),
            "" if tag == "/strong" => made.push_str("**"),
            _ => {}
        }
    }
    push_text(&mut made, rest);
    let mut lines = Vec::new();
    for line in made.lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_none_or(|last: &&str| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n").trim_end().to_owned()
}

/// Text of cleaned HTML, which has these escapes and no others; where it begins a new line is nothing to HTML.
fn push_text(made: &mut String, text: &str) {
    let text = text.replace(['\n', '\r'], " ");
    let text = if made.is_empty() || made.ends_with('\n') { text.trim_start() } else { &text };
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    made.push_str(&plain.replace("&nbsp;", " ").replace("&amp;", "&"));
}

/// A name in one line, without what can't be seen.
pub fn plain(name: &str) -> String {
    let seen: String =
        name.chars().map(|letter| if is_unseen(letter) { ' ' } else { letter }).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Control characters, and those that turn the direction of what follows.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What a text may be made of. No headings beside the page's own, no pictures from elsewhere.
pub(crate) const TAGS: [&str; 12] =
    ["p", "br", "a", "em", "strong", "del", "code", "pre", "blockquote", "ul", "ol", "li"];

/// Quotes and lists within each other: more than that is nobody's thought, and takes the cleaner long.
const DEEPEST: usize = 16;

/// Characters, as many as other sites show.
const EXCERPT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        assert_eq!(html(text).trim_end(), wanted, "{text:?}");
    }

    #[test]
    fn markdown_is_shown_and_new_lines_are_kept() {
        check("A **good** day\nby the sea", "<p>A <strong>good</strong> day<br>\nby the sea</p>");
        check("- one\n- two", "<ul>\n<li>one</li>\n<li>two</li>\n</ul>");
        check(
            "[here](https://example.org/?a=b&c)",
            "<p><a href=\"https://example.org/?a=b&amp;c\" rel=\"nofollow noopener ugc\">here</a></p>",
        );
    }

    #[test]
    fn nothing_that_acts_gets_through() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "![x](https://tracker.example/x.gif)",
            "[x](javascript:alert(1))",
            "[x](data:text/html,<script>alert(1)</script>)",
            "<a href=\"//evil.example\">x</a>",
            "<svg onload=alert(1)>",
            "<style>*{display:none}</style>",
            "[x](/logout)",
            "<iframe src=https://evil.example></iframe>",
        ] {
            let made = html(text);
            for bad in ["<script", "<img", "<svg", "<style", "<iframe", "<a href"] {
                assert!(!made.contains(bad), "{text} -> {made}");
            }
        }
    }

    #[test]
    fn what_others_wrote_keeps_its_words_and_loses_all_that_acts() {
        let mastodon = "<p><span class=\"h-card\"><a href=\"https://a.example/@ada\" class=\"u-url mention\">@<span>ada</span></a></span> \
                        look<br>here <a href=\"javascript:alert(1)\" onclick=\"x()\">x</a></p>";
        assert_eq!(
            cleaned(mastodon),
            "<p><a href=\"https://a.example/@ada\" rel=\"nofollow noopener ugc\">@ada</a> look<br>here \
             <a rel=\"nofollow noopener ugc\">x</a></p>"
        );
        for text in [
            "<script>alert(1)</script>",
            "<p style=\"position:fixed\">x",
            "<img src=x onerror=y>",
            "<svg><script>z",
        ] {
            let made = cleaned(text);
            for bad in ["script", "style", "img", "svg", "onerror"] {
                assert!(!made.contains(bad), "{text} -> {made}");
            }
        }
    }

    #[test]
    fn html_from_elsewhere_becomes_markdown_of_the_same_words() {
        let same = |html: &str, wanted: &str| assert_eq!(markdown(html), wanted, "{html}");
        same(
            "<p>A <strong>good</strong> day<br>by the sea</p><p>x &amp; y</p>",
            "A **good** day\nby the sea\n\nx & y",
        );
        same("<ul><li>one</li><li><em>two</em></li></ul>", "- one\n- *two*");
        same(
            "<p><a href=\"https://a.example/?x=1&amp;y\">here</a></p>",
            "[here](https://a.example/?x=1&y)",
        );
        same("<a href=\"javascript:x\">no</a><script>alert(1)</script><h1>Big</h1>", "noBig");
        same("a < b", "a < b");
        same("", "");
        for text in
            ["A **good** day\nby the sea", "- one\n- two", "[here](https://example.org/?a=b&c)"]
        {
            assert_eq!(markdown(&html(text)), text);
        }
        for odd in [
            "<a",
            "</a>",
            "<a href=\"https://a.example/)(\">x",
            "<li><li></p></p>",
            "&lt;script>alert(1)&lt;/script>",
        ] {
            assert!(!html(&markdown(odd)).contains("<script"), "{odd}");
        }
    }

    #[test]
    fn what_is_deep_is_flat_beyond_a_depth() {
        for text in [">".repeat(10_000), "1) ".repeat(3_333), ">- ".repeat(3_333)] {
            let made = html(&text);
            let opened = made.matches("<blockquote>").count() + made.matches("<li>").count();
            assert!(opened <= DEEPEST, "{opened}");
            assert!(made.len() < 100_000, "{}", made.len());
        }
        assert_eq!(html("> a\n> > b\n").matches("</blockquote>").count(), 2);
    }

    #[test]
    fn html_of_elsewhere_keeps_its_words_and_lines() {
        let text = "<p>Hello <a href=\"https://a.example\">you</a> &amp; me<br>two</p><script>x</script><p>three &lt;b&gt;</p>";
        assert_eq!(of_elsewhere(text), "Hello [you](https://a.example) & me\ntwo\n\nthree <b>");
        assert_eq!(of_elsewhere(" A **good** day < night "), "A **good** day < night");
        assert_eq!(plain(" a\u{202e}b\n<i>c</i> "), "a b <i>c</i>");
    }

    #[test]
    fn an_excerpt_is_one_plain_line() {
        assert_eq!(excerpt("# Sea\n\nA **good**\nday"), "Sea A good day");
        assert_eq!(excerpt(&"a ".repeat(300)).chars().count(), EXCERPT);
        assert_eq!(excerpt("<b>x</b> & y"), "x & y");
    }
}
