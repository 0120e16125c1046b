//! A comment as a Note, and what is said of one: as PeerTube 6.3 writes them and Mastodon shows them.

use serde_json::{Value, json};

use super::{ACTIVITY_STREAMS, PEERTUBE, SECURITY};
use crate::federation::id::{Local, Place};
use crate::federation::json::PUBLIC;
use crate::when::iso;

/// A comment of ours with what its object takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    pub(crate) id: Local,
    pub(crate) author: Local,
    /// As HTML that can only be read.
    pub(crate) html: &'a str,
    /// The URL of the video, or of the comment that it answers.
    pub(crate) in_reply_to: &'a str,
    /// That whoever decides about the video has approved it.
    pub(crate) approval: Option<&'a str>,
    pub(crate) mentioned: &'a [Mentioned],
    /// Whose video it is, if they are elsewhere.
    pub(crate) owner: Option<&'a str>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// Somebody whom a comment is also for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mentioned {
    pub(crate) url: String,
    /// `@name@host`.
    pub(crate) handle: String,
}

impl Note<'_> {
    /// Its object, without a context, as activities carry it.
    pub(crate) fn object(&self, place: &Place) -> Value {
        let id = place.url(&self.id);
        let author = place.url(&self.author);
        let mut cc = vec![format!("{author}/followers")];
        let named = self.mentioned.iter().map(|mentioned| mentioned.url.as_str());
        for url in named.chain(self.owner) {
            if !cc.iter().any(|known| known == url) {
                cc.push(url.to_owned());
            }
        }
        let mut object = json!({
            "to": [PUBLIC],
            "cc": cc,
            "type": "Note",
            "id": id,
            "content": self.html,
            "mediaType": "text/html",
            "inReplyTo": self.in_reply_to,
            "published": iso(self.created_at),
            "updated": iso(self.updated_at),
            // A browser is led from there to the page.
            "url": id,
            "attributedTo": author,
            "tag": self.mentioned.iter().map(Mentioned::tag).collect::<Vec<_>>(),
        });
        if let Some(approval) = self.approval {
            object["replyApproval"] = approval.into();
        }
        object
    }
}

impl Mentioned {
    fn tag(&self) -> Value {
        json!({ "type": "Mention", "href": self.url, "name": self.handle })
    }
}

/// Whoever decides about a video lets everybody see a comment (FEP-5624, as PeerTube has it).
pub(crate) fn approval(by: &str, video: &str, no: i64, comment: &str) -> Value {
    json!({
        "@context": context(),
        "type": "ApproveReply",
        "id": format!("{video}/comments/{no}/approve-reply"),
        "actor": by,
        "inReplyTo": video,
        "object": comment,
    })
}

/// What the words of a Note mean.
pub(crate) fn context() -> Value {
    json!([
        ACTIVITY_STREAMS,
        SECURITY,
        {
            "pt": PEERTUBE,
            "sc": "http://schema.org/",
            "replyApproval": "pt:replyApproval",
            "ApproveReply": "pt:ApproveReply",
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::activity;
    use crate::federation::id::Strictness;
    use crate::federation::object::tests::unlike;
    use crate::federation::object::with_context;

    fn place() -> Place {
        Place::new("https://one.example", Strictness::Public).unwrap()
    }

    fn note(mentioned: &[Mentioned]) -> Note<'_> {
        let video = "38fda7c9-bbb7-464f-bb9b-d64d33f575c4".parse().unwrap();
        Note {
            id: Local::Comment(video, 1),
            author: Local::Account("alice".to_owned()),
            html: "<p>Hello <strong>world</strong> from alice</p>",
            in_reply_to: "https://one.example/videos/watch/38fda7c9-bbb7-464f-bb9b-d64d33f575c4",
            approval: Some("https://one.example/approval"),
            mentioned,
            owner: None,
            created_at: 5,
            updated_at: 6,
        }
    }

    #[test]
    fn a_note_and_its_create_are_like_peertubes() {
        let note = note(&[]).object(&place());
        let told = with_context(context(), note.clone());
        assert_eq!(unlike(&told, "ap-comment.json", &["@context"]), [""; 0]);
        let author = Local::Account("alice".to_owned());
        let create = activity::create(&place(), &author, note);
        assert_eq!(unlike(&create, "ap-comment-activity.json", &["@context"]), [""; 0]);
        assert_eq!(
            create["id"].as_str().unwrap(),
            format!("{}/activity", told["id"].as_str().unwrap())
        );
    }

    #[test]
    fn who_is_answered_is_named_and_addressed_once() {
        let ada = "https://two.example/users/ada".to_owned();
        let mentioned = [Mentioned { url: ada.clone(), handle: "@ada@two.example".to_owned() }];
        let note = Note { owner: Some(&ada), ..note(&mentioned) }.object(&place());
        assert_eq!(note["cc"], json!(["https://one.example/accounts/alice/followers", ada]));
        assert_eq!(note["to"], json!([PUBLIC]));
        let tag = json!([{ "type": "Mention", "href": ada, "name": "@ada@two.example" }]);
        assert_eq!(note["tag"], tag);
    }
}
