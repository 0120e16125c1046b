//! Telling another server that something of its is reported here: as from the instance, so that who reports isn't told.

use serde_json::{Value, json};

use super::id::{Local, Place};
use super::send::{SendError, To};
use crate::Sidecar;
use crate::table::report::Report;
use crate::table::{comment, host, remote_actor};

impl Sidecar {
    /// Tells the server of whom a report is against, if that is another.
    pub(crate) async fn tell_of_report(&self, report: &Report) {
        let Some(place) = &self.place else { return };
        if let Err(error) = self.send_flag(place, report).await {
            tracing::error!("a report isn't told to the server that it is about: {error}");
        }
    }

    async fn send_flag(&self, place: &Place, report: &Report) -> Result<(), SendError> {
        let database = &self.database;
        let Some(target) = remote_actor::by_id(database, report.target_id).await? else {
            return Ok(());
        };
        let thing = match (report.comment_id, report.video_id) {
            (Some(id), _) => comment::by_id(database, id).await?.and_then(|found| found.url),
            (None, Some(id)) => comment::url_of_video(database, id).await?,
            (None, None) => None,
        };
        // Who has videos takes what PeerTube takes, whatever it is called.
        let server = host::known(database, &target.host).await?;
        let is_peertube =
            server.is_some_and(|server| server.software.as_deref() == Some("peertube"));
        let has_videos = report.comment_id.is_none() || is_peertube;
        let named = objects(&target.url, thing.as_deref(), has_videos);
        let activity = flag(place, report.id, &report.reason, named);
        self.send(&Local::Instance, &activity, &[To::Server(target.id)]).await
    }
}

/// What is meant: PeerTube takes one URL and no list, Mastodon a list with the account in it.
fn objects(account: &str, thing: Option<&str>, has_videos: bool) -> Value {
    match thing {
        Some(thing) if has_videos => json!(thing),
        Some(thing) => json!([account, thing]),
        None => json!(account),
    }
}

fn flag(place: &Place, no: i64, reason: &str, object: Value) -> Value {
    let actor = place.url(&Local::Instance);
    json!({
        "type": "Flag",
        "id": format!("{actor}/flags/{no}"),
        "actor": actor,
        "content": reason,
        "object": object,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::id::Strictness;

    #[test]
    fn each_kind_of_server_is_told_in_the_form_that_it_takes() {
        let (account, note) = ("https://two.example/u", "https://two.example/n/1");
        assert_eq!(objects(account, Some(note), true), json!(note));
        assert_eq!(objects(account, Some(note), false), json!([account, note]));
        assert_eq!(objects(account, None, true), json!(account));
        let place = Place::new("https://one.example", Strictness::Public).unwrap();
        let told = flag(&place, 3, "Spam", json!(note));
        assert_eq!(told["actor"], "https://one.example/accounts/peertube");
        assert_eq!((&told["content"], &told["object"]), (&json!("Spam"), &json!(note)));
    }
}
