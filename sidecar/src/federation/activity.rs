//! Activities as they are written: who does what to what, under ids that stay the same however often they are sent.
//!
//! Pure: objects are [`super::object`]'s, sending is [`super::send`]'s, which also says what the words mean.

use serde_json::{Value, json};

use super::id::{Local, Place};
use super::json::PUBLIC;

/// What somebody thinks of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opinion {
    Like,
    Dislike,
}

/// An answer to who wants to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Reject,
}

/// There is something new, told in full; it is for those whom the object names.
pub(crate) fn create(place: &Place, by: &Local, object: Value) -> Value {
    let id = format!("{}/activity", id_of(&object));
    about("Create", id, place.url(by), object)
}

/// Something is other than it was; `version` tells one change from the next.
pub(crate) fn update(place: &Place, by: &Local, object: Value, version: i64) -> Value {
    let id = format!("{}/updates/{version}", id_of(&object));
    about("Update", id, place.url(by), object)
}

/// Something is gone: an actor says it of itself, or of what it made.
pub(crate) fn delete(place: &Place, by: &Local, what: &str) -> Value {
    let actor = place.url(by);
    json!({
        "to": [PUBLIC],
        "cc": [format!("{actor}/followers")],
        "type": "Delete",
        "id": format!("{what}/delete"),
        "actor": actor,
        "object": what,
    })
}

/// How a channel or the instance says that there is a video of `account`; `handle` is the sayer's number.
pub(crate) fn announce(
    place: &Place,
    (by, handle): (&Local, i64),
    video: &Local,
    account: &str,
) -> Value {
    let (actor, video) = (place.url(by), place.url(video));
    let owner = place.url(&Local::Account(account.to_owned()));
    json!({
        "to": [PUBLIC],
        "cc": [format!("{actor}/followers"), format!("{owner}/followers")],
        "type": "Announce",
        "id": format!("{video}/announces/{handle}"),
        "actor": actor,
        "object": video,
    })
}

/// What somebody here thinks of another server's video, told to whose it is; `no` is the video's number here.
pub(crate) fn rate(
    place: &Place,
    account: &Local,
    opinion: Opinion,
    (no, video): (i64, &str),
    owner: &str,
) -> Value {
    let actor = place.url(account);
    let (kind, path) = match opinion {
        Opinion::Like => ("Like", "likes"),
        Opinion::Dislike => ("Dislike", "dislikes"),
    };
    json!({
        "to": [PUBLIC],
        "cc": [owner, format!("{actor}/followers")],
        "type": kind,
        "id": format!("{actor}/{path}/{no}"),
        "actor": actor,
        "object": video,
    })
}

/// Somebody here, nobody says who, has watched another server's video; `no` is its number here, `random` tells one view from the next.
pub(crate) fn view(place: &Place, (no, video): (i64, &str), random: &str, owner: &str) -> Value {
    let actor = place.url(&Local::Instance);
    json!({
        "to": [PUBLIC],
        "cc": [owner],
        "type": "View",
        "id": format!("{actor}/views/videos/{no}/{random}"),
        "actor": actor,
        "object": video,
    })
}

/// What was done is taken back; `done` is the whole activity.
pub(crate) fn undo(done: &Value) -> Value {
    let mut undo = json!({
        "type": "Undo",
        "id": format!("{}/undo", id_of(done)),
        "actor": done["actor"],
        "object": done,
    });
    for key in ["to", "cc"] {
        if let Some(whom) = done.get(key) {
            undo[key] = whom.clone();
        }
    }
    undo
}

/// Somebody of elsewhere said something that is to be asked of their own server; `version` tells one change from the next.
pub(crate) fn passed_on(author: &str, note: &str, version: i64) -> Value {
    json!({
        "to": [PUBLIC],
        "type": "Create",
        "id": format!("{note}#passed-on/{version}"),
        "actor": author,
        "object": { "type": "Note", "id": note },
    })
}

/// The instance wants to follow somebody; `no` is the follow's number.
pub(crate) fn follow(place: &Place, no: i64, target: &str) -> Value {
    let actor = place.url(&Local::Instance);
    followed(&format!("{actor}/follows/{no}"), &actor, target)
}

/// A Follow as it is named again by whoever answers it or takes it back.
pub(crate) fn followed(id: &str, follower: &str, target: &str) -> Value {
    json!({ "type": "Follow", "id": id, "actor": follower, "object": target, "to": [target] })
}

/// Somebody here answers who wants to follow them; `no` is the follow's number, `follow` the whole of it.
pub(crate) fn answer(place: &Place, by: &Local, answer: Answer, no: i64, follow: Value) -> Value {
    let actor = place.url(by);
    let (kind, path) = match answer {
        Answer::Accept => ("Accept", "accepts"),
        Answer::Reject => ("Reject", "rejects"),
    };
    json!({
        "type": kind,
        "id": format!("{actor}/{path}/follows/{no}"),
        "actor": actor,
        "to": [follow["actor"]],
        "object": follow,
    })
}

fn about(kind: &str, id: String, actor: String, object: Value) -> Value {
    let mut activity = json!({ "type": kind, "id": id, "actor": actor });
    for (key, otherwise) in [("to", json!([PUBLIC])), ("cc", json!([format!("{actor}/followers")]))]
    {
        activity[key] = object.get(key).cloned().unwrap_or(otherwise);
    }
    activity["object"] = object;
    activity
}

fn id_of(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::id::Strictness;

    fn place() -> Place {
        Place::new("https://one.example", Strictness::Public).unwrap()
    }

    fn ada() -> Local {
        Local::Account("ada".to_owned())
    }

    #[test]
    fn what_is_made_and_changed_is_for_whom_the_object_is_for() {
        let object = json!({ "id": "https://one.example/v/1", "to": ["a"], "cc": ["b"] });
        let made = create(&place(), &ada(), object.clone());
        assert_eq!((&made["to"], &made["cc"]), (&json!(["a"]), &json!(["b"])));
        assert_eq!(made["id"], "https://one.example/v/1/activity");
        assert_eq!(made["object"], object);
        let changed = update(&place(), &ada(), object, 7);
        assert_eq!(changed["id"], "https://one.example/v/1/updates/7");
        assert_eq!(changed["actor"], "https://one.example/accounts/ada");
        let actor =
            update(&place(), &ada(), json!({ "id": "https://one.example/accounts/ada" }), 7);
        assert_eq!(actor["to"], json!([PUBLIC]));
        assert_eq!(actor["cc"], json!(["https://one.example/accounts/ada/followers"]));
    }

    #[test]
    fn what_is_undone_is_told_in_full() {
        let video = (3, "https://two.example/v/9");
        let like = rate(&place(), &ada(), Opinion::Like, video, "https://two.example/u/bob");
        assert_eq!(like["id"], "https://one.example/accounts/ada/likes/3");
        let undone = undo(&like);
        assert_eq!(undone["object"], like);
        assert_eq!((&undone["actor"], &undone["cc"]), (&like["actor"], &like["cc"]));
        assert_eq!(undone["id"], "https://one.example/accounts/ada/likes/3/undo");
        let follow = undo(&follow(&place(), 4, "https://two.example/u/bob"));
        assert_eq!(follow["id"], "https://one.example/accounts/peertube/follows/4/undo");
        assert_eq!(follow.get("cc"), None);
    }

    #[test]
    fn an_answer_has_the_whole_follow_and_goes_to_who_asked() {
        let asked = followed("https://two.example/f/1", "https://two.example/u/bob", "x");
        let told = answer(&place(), &ada(), Answer::Accept, 5, asked.clone());
        assert_eq!((&told["type"], &told["object"]), (&json!("Accept"), &asked));
        assert_eq!(told["to"], json!(["https://two.example/u/bob"]));
        let told = answer(&place(), &ada(), Answer::Reject, 5, asked);
        assert_eq!(told["id"], "https://one.example/accounts/ada/rejects/follows/5");
    }
}
