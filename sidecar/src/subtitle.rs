//! Subtitles as people upload them, WebVTT or SubRip, written anew as WebVTT of which we know every character.
//!
//! What is kept of a file is times, the plain settings of WebVTT, and texts with `<b>`, `<i>`, `<u>` and `<v Name>`. Styles, regions,
//! notes and all other tags go, whatever else looks like a tag becomes text. See <https://www.w3.org/TR/webvtt1/>.

use std::fmt::Write;

/// Why a file is no subtitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SubtitleError {
    /// Of some other character set.
    #[error("the file must be UTF-8 text: save it again with that encoding")]
    NotUtf8,
    /// Nothing in it has a time and a text.
    #[error("the file has no captions that can be read: it must be WebVTT or SRT")]
    Empty,
    /// More than any film has.
    #[error("the file has more than {CUES} captions")]
    TooMany,
}

/// One text and when it is shown, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
struct Cue {
    start: u64,
    end: u64,
    settings: String,
    text: String,
}

/// Reads a file of either kind and writes it as WebVTT. What can't be read in it is passed over.
pub(crate) fn to_webvtt(file: &[u8]) -> Result<String, SubtitleError> {
    let text = std::str::from_utf8(file).map_err(|_| SubtitleError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut webvtt = "WEBVTT\n".to_owned();
    let mut count = 0;
    for cue in blocks(&text).filter_map(Cue::read) {
        count += 1;
        if count > CUES {
            return Err(SubtitleError::TooMany);
        }
        cue.write(&mut webvtt);
    }
    if count == 0 { Err(SubtitleError::Empty) } else { Ok(webvtt) }
}

/// Runs of lines between empty ones.
fn blocks(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut block = Vec::new();
        for line in lines.by_ref() {
            match (line.trim().is_empty(), block.is_empty()) {
                (false, _) => block.push(line),
                (true, false) => return Some(block),
                (true, true) => {}
            }
        }
        (!block.is_empty()).then_some(block)
    })
}

impl Cue {
    /// `None` for a block without times, as headers, notes and styles are, and for one without a text.
    fn read(block: Vec<&str>) -> Option<Cue> {
        // Before the times there may be one line with the cue's name.
        let at = block.iter().take(2).position(|line| line.contains(ARROW))?;
        let (start, rest) = block[at].split_once(ARROW)?;
        let mut words = rest.split_whitespace();
        let (start, end) = (milliseconds(start.trim())?, milliseconds(words.next()?)?);
        let settings: Vec<&str> = words.filter(|word| is_setting(word)).collect();
        let lines = block[at + 1..].iter().map(|line| clean(line));
        let lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
        let is_shown = start < end && !lines.is_empty();
        is_shown.then(|| Cue { start, end, settings: settings.join(" "), text: lines.join("\n") })
    }

    fn write(&self, to: &mut String) {
        let (start, end) = (clock(self.start), clock(self.end));
        let gap = if self.settings.is_empty() { "" } else { " " };
        // A String takes all that is written to it.
        let _ = write!(to, "\n{start} {ARROW} {end}{gap}{}\n{}\n", self.settings, self.text);
    }
}

/// `hh:mm:ss.mmm` or `mm:ss.mmm`, with a comma as SubRip has it or a point.
fn milliseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ','])?;
    let mut parts = whole.split(':').rev();
    let seconds = number(parts.next()?, 2).filter(|seconds| *seconds < 60)?;
    let minutes = number(parts.next()?, 2).filter(|minutes| *minutes < 60)?;
    let hours = parts.next().map_or(Some(0), |hours| number(hours, 3))?;
    let is_read = parts.next().is_none() && fraction.len() == 3;
    let thousandths = number(fraction, 3).filter(|_| is_read)?;
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths)
}

fn number(text: &str, most_digits: usize) -> Option<u64> {
    let is_number =
        (1..=most_digits).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

fn clock(milliseconds: u64) -> String {
    let (seconds, thousandths) = (milliseconds / 1000, milliseconds % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{thousandths:03}")
}

/// Where a text stands; regions are among what isn't kept.
fn is_setting(word: &str) -> bool {
    let is_plain = |value: &str| {
        (1..=20).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%.,-".contains(&byte))
    };
    word.split_once(':').is_some_and(|(name, value)| SETTINGS.contains(&name) && is_plain(value))
}

/// A line of text in which nothing is left that isn't text but the tags that we know.
fn clean(line: &str) -> String {
    let mut cleaned = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['<', '>', '&']) {
        push_text(&mut cleaned, &rest[..at]);
        let (sign, after) = rest[at..].split_at(1);
        rest = match sign {
            "<" => push_tag(&mut cleaned, after),
            "&" => push_entity(&mut cleaned, after),
            _ => {
                cleaned.push_str("&gt;");
                after
            }
        };
    }
    push_text(&mut cleaned, rest);
    cleaned
}

fn push_text(to: &mut String, text: &str) {
    to.extend(text.chars().filter(|char| !char.is_control() || *char == '\t'));
}

/// Takes a tag in, or leaves it out; what is after it.
fn push_tag<'a>(to: &mut String, after: &'a str) -> &'a str {
    let Some(end) = after.find('>') else {
        to.push_str("&lt;");
        return after;
    };
    let (tag, rest) = (&after[..end], &after[end + 1..]);
    let first = tag.trim_start_matches('/').chars().next();
    if !first.is_some_and(|char| char.is_alphabetic()) && !is_time(tag) {
        to.push_str("&lt;");
        return after;
    }
    let known = tag.to_ascii_lowercase();
    if TAGS.contains(&known.as_str()) {
        to.push_str(&format!("<{known}>"));
    } else if let Some(name) = tag.strip_prefix("v ") {
        let mut plain = String::new();
        push_text(&mut plain, name.trim());
        plain.retain(|char| !"<&\"'".contains(char));
        to.push_str(&format!("<v {plain}>"));
    }
    rest
}

/// Of karaoke, which is left out.
fn is_time(tag: &str) -> bool {
    milliseconds(tag).is_some()
}

/// Takes a character's name in, if WebVTT knows it; else the sign itself.
fn push_entity<'a>(to: &mut String, after: &'a str) -> &'a str {
    let known = ENTITIES.iter().find(|entity| after.starts_with(**entity));
    to.push('&');
    to.push_str(known.map_or("amp;", |entity| entity));
    known.map_or(after, |entity| &after[entity.len()..])
}

const ARROW: &str = "-->";
const SETTINGS: [&str; 5] = ["vertical", "line", "position", "size", "align"];
const TAGS: [&str; 7] = ["b", "i", "u", "/b", "/i", "/u", "/v"];
const ENTITIES: [&str; 6] = ["amp;", "lt;", "gt;", "nbsp;", "lrm;", "rlm;"];

/// One a second for eleven hours.
pub(crate) const CUES: usize = 40_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, wanted: &str) {
        let written = to_webvtt(file.as_bytes()).unwrap();
        assert_eq!(written.strip_prefix("WEBVTT\n\n").unwrap(), wanted, "{file}");
        assert_eq!(to_webvtt(written.as_bytes()).unwrap(), written, "it reads what it writes");
    }

    #[track_caller]
    fn check_text(text: &str, wanted: &str) {
        check(
            &format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n"),
            &format!("00:00:00.000 --> 00:00:01.000\n{wanted}\n"),
        );
    }

    #[test]
    fn both_formats_become_the_same() {
        let wanted =
            "00:00:01.000 --> 00:00:02.500\nOne\nline more\n\n01:02:03.004 --> 01:02:04.000\nTwo\n";
        check(
            "WEBVTT - title\n\nNOTE a\n\nintro\n00:01.000 --> 00:02.500\nOne\nline more\n\n01:02:03.004 --> 01:02:04.000\nTwo",
            wanted,
        );
        check(
            "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\nOne\r\nline more\r\n\r\n\r\n2\r\n01:02:03,004 --> 01:02:04,000 X1:100 X2:200\r\nTwo\r\n",
            wanted,
        );
    }

    #[test]
    fn where_a_text_stands_is_kept_and_how_it_looks_is_not() {
        check(
            "WEBVTT\n\nSTYLE\n::cue{background:url(//evil)}\n\nREGION\nid:a\n\n00:00.000 --> 00:01.000 line:0 position:20%,line-left region:a align:start x:y\nA\n",
            "00:00:00.000 --> 00:00:01.000 line:0 position:20%,line-left align:start\nA\n",
        );
    }

    #[test]
    fn hostile_text_stays_text() {
        check_text("<b>Bold</b> <i.x>a</i> <I>b</I>", "<b>Bold</b> a</i> <i>b</i>");
        check_text("<script>alert(1)</script>", "alert(1)");
        check_text("<img src=x onerror=alert(1)>hello", "hello");
        check_text("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d");
        check_text("1 <2> 3 <", "1 &lt;2&gt; 3 &lt;");
        check_text("<v Ann \"O'Brien\"<b>>Hi</v>", "<v Ann OBrienb>&gt;Hi</v>");
        check_text(
            "&lt;b&gt; &amp; &nbsp;&quot;&#60;",
            "&lt;b&gt; &amp; &nbsp;&amp;quot;&amp;#60;",
        );
        check_text("<00:00:00.500>ka<00:00:00.700>ra", "kara");
        check_text("{\\an8}<font color=\"#fff\">x</font>\u{0}\u{7}", "{\\an8}x");
        check_text("a --> b", "a --&gt; b");
    }

    #[test]
    fn what_has_no_time_or_no_text_is_passed_over() {
        let broken = "00:02.000 --> 00:01.000\nends before it begins\n\n00:00 --> 00:01\nno fraction\n\n99:99.000 --> 99:99.999\nno time\n\n\
                      00:01.000 --> 00:02.000\n<font>\n\n00:01.000 -->\nno end\n\na\nb\n00:01.000 --> 00:02.000\ntoo late\n\n";
        check(
            &format!("WEBVTT\n\n{broken}00:03.000 --> 00:04.000\nIt\n"),
            "00:00:03.000 --> 00:00:04.000\nIt\n",
        );
        assert_eq!(to_webvtt(format!("WEBVTT\n\n{broken}").as_bytes()), Err(SubtitleError::Empty));
        for empty in ["", "WEBVTT", "<html>", "\n\n\n", "-->", "1\n-->\na"] {
            assert_eq!(to_webvtt(empty.as_bytes()), Err(SubtitleError::Empty), "{empty:?}");
        }
        assert_eq!(
            to_webvtt(b"WEBVTT\n\n00:00.000 --> 00:01.000\n\xe9t\xe9"),
            Err(SubtitleError::NotUtf8)
        );
        let many = "00:00.000 --> 00:01.000\na\n\n".repeat(CUES + 1);
        assert_eq!(to_webvtt(many.as_bytes()), Err(SubtitleError::TooMany));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_nothing_comes_out_but_the_tags_that_we_know(text in "[-a-z0-9<>&;/:., \n\u{e9}\"'=]{0,200}") {
            let file = format!("WEBVTT\n\n00:00.000 --> 00:01.000\n{text}\n\n00:01.000 --> 00:02.000\nend\n");
            let written = to_webvtt(file.as_bytes()).unwrap();
            let bare = TAGS.iter().fold(written.replace(" --> ", ""), |text, tag| text.replace(&format!("<{tag}>"), ""));
            for tag in bare.split('<').skip(1) {
                proptest::prop_assert!(tag.starts_with("v ") && !tag.split('>').next().unwrap().contains(['"', '\'', '&']), "{tag}");
            }
            proptest::prop_assert_eq!(to_webvtt(written.as_bytes()).unwrap(), written);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = to_webvtt(&bytes);
        }
    }
}
