//! Reports of other servers: what their people say against something here.
//!
//! they → us: Flag, by a person or by their instance, with the account and what of theirs is meant.

use super::{HearError, Heard};
use crate::federation::id::{Id, Local};
use crate::federation::{json, site};
use crate::table::comment;
use crate::table::report::{self, NewReport};
use crate::table::video;
use crate::{Sidecar, now_ms};

impl Sidecar {
    pub(super) async fn hear_flag(&self, heard: &Heard<'_>) -> Result<(), HearError> {
        let place = self.place.as_ref().ok_or(HearError::Refused("federation is off"))?;
        let reason = json::text(heard.activity, "content", REASON).unwrap_or_default();
        let named = json::each(heard.activity.get("object")).take(MOST_OBJECTS);
        let named = named.filter_map(|object| match place.read(json::id(object)?) {
            Ok(Id::Local(local)) => Some(local),
            _ => None,
        });
        let (mut things, mut whose) = (Vec::new(), None);
        for local in named {
            match local {
                Local::Video(uuid) => {
                    let found = video::by_uuid(&self.database, &uuid).await?;
                    things.extend(found.map(|found| (found.account_id, Some(found.id), None)));
                }
                Local::Comment(_, no) => {
                    let found = comment::by_id(&self.database, no).await?;
                    let found = found.filter(comment::Comment::is_ours);
                    things.extend(found.and_then(|found| {
                        Some((found.account_id?, Some(found.video_id), Some(found.id)))
                    }));
                }
                Local::Account(_) | Local::Channel(_) => {
                    if let Some(handle) = self.handle_of(&local).await? {
                        whose = self.account_behind(handle).await?;
                    }
                }
                Local::Instance => {}
            }
        }
        // Who is meant is named beside what of theirs is.
        if things.is_empty() {
            things.extend(whose.map(|account| (account, None, None)));
        }
        if things.is_empty() {
            return Err(HearError::Refused("nothing here is reported"));
        }
        for (target_id, video_id, comment_id) in things {
            let site = site::of(&heard.actor.host);
            if self.take_report_turn(heard.actor.id).is_err()
                || self.take_report_turn_from(site).is_err()
            {
                return Err(HearError::Refused("its sender has reported enough for now"));
            }
            let reporter_id = heard.actor.id;
            let new = NewReport { reporter_id, target_id, video_id, comment_id, reason: &reason };
            let made = report::create_elsewhere(&self.database, now_ms(), &new, site).await?;
            made.ok_or(HearError::Refused("too many reports wait for the moderators"))?;
        }
        Ok(())
    }
}

/// Characters, as with PeerTube.
const REASON: usize = 3_000;

/// What one report may be about: Mastodon's forms take some posts of one person.
const MOST_OBJECTS: usize = 20;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::tests::instances;
    use crate::config::{Federation, Registration};
    use crate::federation::id::{Place, Remote, Strictness};
    use crate::outbound::Budget;
    use crate::table::remote_actor::{self, Kind, RemoteActor, tests::somebody};
    use crate::table::video::tests::about;

    async fn flag(sidecar: &Sidecar, actor: &RemoteActor, object: Value) -> String {
        let activity = json!({ "type": "Flag", "content": "Spam", "object": object });
        let id = Remote::parse("https://two.example/flags/1", Strictness::Public).unwrap();
        let heard = Heard { activity: activity.as_object().unwrap(), id: &id, actor };
        let done = sidecar.receive(&heard, &mut Budget(0)).await;
        done.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn what_others_report_is_kept_for_the_moderators() {
        for mut instance in instances(Registration::Closed).await {
            let place = Place::new("https://one.example", Strictness::Public).unwrap();
            instance.sidecar.federate(place, &Federation::default()).await.unwrap();
            let sidecar = &instance.sidecar;
            let database = &sidecar.database;
            let (_, video) = instance.publish("bob", about("The sea")).await;
            let alice = instance.user("alice").await;
            let no = instance.say(&video, &alice, "Buy!").await.body["comment"]["id"].clone();
            let new = somebody("two.example", "two.example", Kind::Instance);
            let id = remote_actor::keep(database, 5, &new).await.unwrap();
            let actor = remote_actor::by_id(database, id).await.unwrap().unwrap();
            let url = |path: &str| format!("https://one.example{path}");
            let comment = url(&format!("/videos/watch/{video}/comments/{no}"));
            // As Mastodon and as PeerTube.
            let both = json!([url("/accounts/alice"), comment]);
            assert_eq!(flag(sidecar, &actor, both).await, "");
            assert_eq!(
                flag(sidecar, &actor, url(&format!("/videos/watch/{video}")).into()).await,
                ""
            );
            assert_eq!(flag(sidecar, &actor, url("/video-channels/bob_channel").into()).await, "");
            for nothing in
                [json!("https://two.example/u"), json!(url("/accounts/nobody")), json!(7)]
            {
                assert_eq!(flag(sidecar, &actor, nothing).await, "nothing here is reported");
            }
            let (total, found) = report::page(database, None, 0, 9).await.unwrap();
            let about = |report: &report::Report| {
                (report.target.clone(), report.video_id.is_some(), report.comment_id.is_some())
            };
            assert_eq!(
                (total, found.iter().map(about).collect::<Vec<_>>()),
                (
                    3,
                    vec![
                        ("bob".to_owned(), false, false),
                        ("bob".to_owned(), true, false),
                        ("alice".to_owned(), true, true),
                    ]
                )
            );
            assert_eq!(found[0].reporter.as_deref(), Some("two.example@two.example"));
            let many = async || flag(sidecar, &actor, url("/accounts/bob").into()).await;
            let mut last = String::new();
            for _ in 0..20 {
                last = many().await;
            }
            assert_eq!(last, "its sender has reported enough for now");
        }
    }
}
