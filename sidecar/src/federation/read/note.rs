//! A comment of another server's, as PeerTube, Mastodon and other Shoals tell it: facts/peertube-interop.md, B5.

use crate::federation::id::{Id, Place, Remote};
use crate::federation::json::{self, Object, each, first, is_public, kind, moment, text};
use crate::prose;

/// What is kept of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadNote {
    pub(crate) id: Remote,
    pub(crate) author: Remote,
    /// What it answers, ours or another server's.
    pub(crate) in_reply_to: Id,
    /// HTML that can only be read.
    pub(crate) html: String,
    /// Of people to read.
    pub(crate) page: Option<String>,
    /// That whoever decides about the video has approved it.
    pub(crate) approval: Option<Remote>,
    pub(crate) published_at: i64,
    pub(crate) updated_at: i64,
}

/// Why an object is no comment; the blame is its server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoteError {
    #[error("this is no Note")]
    Kind,
    #[error("the note has no id that we could ask")]
    Id,
    #[error("the note has no author of its own server")]
    Author,
    #[error("the note answers nothing")]
    NoReply,
    /// To some people alone: nobody else is to read it here.
    #[error("the note isn't for everybody")]
    NotPublic,
    #[error("the note says nothing")]
    Empty,
    #[error("the note has more than {MOST_CHARACTERS} characters")]
    Long,
}

/// Reads a Note that came at `now_ms`: nothing is said later than that.
///
/// # Errors
/// When it is none, or not for everybody, or no answer.
pub(crate) fn read(place: &Place, note: &Object, now_ms: i64) -> Result<ReadNote, NoteError> {
    if kind(note) != Some("Note") {
        return Err(NoteError::Kind);
    }
    let remote = |text: &str| match place.read(text) {
        Ok(Id::Remote(remote)) => Some(remote),
        _ => None,
    };
    let id = json::first_id(note, "id").and_then(remote).ok_or(NoteError::Id)?;
    let author = json::first_id(note, "attributedTo").and_then(remote);
    let author = author.filter(|author| author.authority() == id.authority());
    let author = author.ok_or(NoteError::Author)?;
    let mut whom = each(note.get("to")).chain(each(note.get("cc")));
    if !whom.any(is_public) {
        return Err(NoteError::NotPublic);
    }
    let in_reply_to = json::first_id(note, "inReplyTo").and_then(|id| place.read(id).ok());
    let published_at = moment(note, "published").unwrap_or(now_ms).clamp(0, now_ms);
    let approval = json::first_id(note, "replyApproval").and_then(remote);
    Ok(ReadNote {
        in_reply_to: in_reply_to.ok_or(NoteError::NoReply)?,
        html: html(note)?,
        page: page(note, &id),
        approval,
        published_at,
        updated_at: moment(note, "updated").unwrap_or(published_at).clamp(published_at, now_ms),
        id,
        author,
    })
}

/// What is said, with a warning before it if there is one.
fn html(note: &Object) -> Result<String, NoteError> {
    let content = text(note, "content", MOST_CHARACTERS + 1).unwrap_or_default();
    if content.chars().count() > MOST_CHARACTERS {
        return Err(NoteError::Long);
    }
    let said = match first(note.get("mediaType")).and_then(serde_json::Value::as_str) {
        Some("text/markdown") => prose::html(&content),
        Some("text/plain") => format!("<p>{}</p>", prose::escaped(&content)),
        _ => prose::cleaned(&content),
    };
    if !prose::says_something(&said) {
        return Err(NoteError::Empty);
    }
    Ok(match text(note, "summary", MOST_WARNING) {
        Some(warning) => format!("<p><strong>{}</strong></p>{said}", prose::escaped(&warning)),
        None => said,
    })
}

/// A page of the same server.
fn page(note: &Object, id: &Remote) -> Option<String> {
    let link = first(note.get("url"))?;
    let link = link.as_str().or_else(|| link.get("href")?.as_str())?;
    let is_of_it = |url: &url::Url| url.scheme() == "https" && url.authority() == id.authority();
    let url = url::Url::parse(link).ok().filter(is_of_it)?;
    let text = String::from(url);
    (text.len() <= MOST_URL).then_some(text)
}

/// As much as a comment may have here, with the tags around it.
const MOST_CHARACTERS: usize = 20_000;

/// Mastodon's warnings have 500 with what they warn of.
const MOST_WARNING: usize = 500;

/// As PeerTube's column.
const MOST_URL: usize = 2_000;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::federation::id::{Local, Strictness};

    const NOW: i64 = 1_800_000_000_000;

    fn place() -> Place {
        Place::new("https://one.example", Strictness::Public).unwrap()
    }

    /// As Mastodon writes them, with something otherwise.
    fn note(change: impl FnOnce(&mut Value)) -> Result<ReadNote, NoteError> {
        let mut note = json!({
            "id": "https://two.example/users/ada/statuses/1",
            "type": "Note",
            "summary": null,
            "inReplyTo": "https://one.example/videos/watch/38fda7c9-bbb7-464f-bb9b-d64d33f575c4",
            "published": "2026-11-21T22:54:44Z",
            "url": "https://two.example/@ada/1",
            "attributedTo": "https://two.example/users/ada",
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": ["https://two.example/users/ada/followers", "https://one.example/accounts/root"],
            "content": "<p><span class=\"h-card\"><a href=\"https://one.example/a/root\" class=\"u-url mention\">@<span>root</span></a></span> Hello</p>",
        });
        change(&mut note);
        read(&place(), note.as_object().unwrap(), NOW)
    }

    #[test]
    fn an_answer_of_mastodons_is_read() {
        let read = note(|_| {}).unwrap();
        let video = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4".parse().unwrap();
        assert_eq!(read.in_reply_to, Id::Local(Local::Video(video)));
        assert_eq!(
            read.html,
            "<p><a href=\"https://one.example/a/root\" rel=\"nofollow noopener ugc\">@root</a> Hello</p>"
        );
        assert_eq!(read.page.as_deref(), Some("https://two.example/@ada/1"));
        assert_eq!(read.published_at, 1_795_301_684_000);
        assert_eq!(read.updated_at, read.published_at);
    }

    #[test]
    fn markdown_plain_text_and_warnings_are_html() {
        let html = |change: fn(&mut Value)| note(change).unwrap().html;
        let markdown = |note: &mut Value| {
            note["content"] = "**a**".into();
            note["mediaType"] = "text/markdown".into();
        };
        assert_eq!(html(markdown), "<p><strong>a</strong></p>\n");
        let plain = |note: &mut Value| {
            note["content"] = "<b>".into();
            note["mediaType"] = "text/plain".into();
        };
        assert_eq!(html(plain), "<p>&lt;b&gt;</p>");
        let warned = |note: &mut Value| {
            note["content"] = "x".into();
            note["summary"] = "<i>spoiler".into();
        };
        assert_eq!(html(warned), "<p><strong>&lt;i&gt;spoiler</strong></p>x");
    }

    #[test]
    fn what_is_no_comment_for_everybody_is_refused() {
        let refused = |change: fn(&mut Value)| note(change).unwrap_err();
        assert_eq!(refused(|note| note["type"] = "Question".into()), NoteError::Kind);
        assert_eq!(refused(|note| note["to"] = json!([])), NoteError::NotPublic);
        assert_eq!(refused(|note| note["inReplyTo"] = Value::Null), NoteError::NoReply);
        assert_eq!(
            refused(|note| note["id"] = "https://one.example/accounts/root".into()),
            NoteError::Id
        );
        let another = |note: &mut Value| note["attributedTo"] = "https://three.example/u".into();
        assert_eq!(refused(another), NoteError::Author);
        let empty = |note: &mut Value| note["content"] = "<p><img src=x></p>&nbsp;\u{200b}".into();
        assert_eq!(refused(empty), NoteError::Empty);
        let long = |note: &mut Value| note["content"] = "a".repeat(20_001).into();
        assert_eq!(refused(long), NoteError::Long);
    }

    #[test]
    fn nothing_is_said_in_the_future_nor_led_to_elsewhere() {
        let read = note(|note| {
            note["published"] = "2999-01-01T00:00:00Z".into();
            note["updated"] = "3999-01-01T00:00:00Z".into();
            note["url"] = "javascript:alert(1)".into();
        });
        let read = read.unwrap();
        assert_eq!((read.published_at, read.updated_at, read.page), (NOW, NOW, None));
        let read = note(|note| note["url"] = "https://evil.example/".into()).unwrap();
        assert_eq!(read.page, None);
    }
}
