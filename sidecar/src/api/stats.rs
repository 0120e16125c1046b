//! `server/stats` and `overviews/videos`: what there is, in numbers and in samples.

use serde_json::{Map, Value, json};

use super::asked::Asked;
use super::forms::value;
use super::json as answer;
use crate::error::ApiError;
use crate::field::FieldError;
use crate::listing::{ListQuery, Scope};
use crate::pace::Time;
use crate::query::Query;
use crate::table::channel;
use crate::table::stats::{self, People, Requests, Talk, Works};
use crate::table::video::tally;
use crate::vocabulary::{self, CATEGORIES};
use crate::{Reply, Sidecar, now_ms};

impl Sidecar {
    /// The instance in numbers, counted at most once a minute: of many who ask at once, one counts and the others wait.
    pub(super) async fn tell_stats(&self) -> Result<Reply, ApiError> {
        let mut counted = self.counted.lock().await;
        let now = (self.elapsed)(&self.started);
        let is_fresh = |at: &Time| now.saturating_sub(*at) < COUNTED_LIFE;
        if let Some((_, told)) = counted.as_ref().filter(|(at, _)| is_fresh(at)) {
            return Ok(answer(told));
        }
        let told = self.stats_json().await?;
        let reply = answer(&told);
        *counted = Some((now, told));
        Ok(reply)
    }

    async fn stats_json(&self) -> Result<Value, ApiError> {
        let (database, now) = (&self.database, now_ms());
        let mut told = Map::new();
        for (key, kind) in [
            ("totalUsers", "users"),
            ("totalLocalVideos", "local"),
            ("totalVideos", "all"),
            ("totalLocalVideoViews", "views"),
            ("totalLocalVideoChannels", "channels"),
        ] {
            told.insert(key.to_owned(), tally(database, kind, "").await?.into());
        }
        say_people(&mut told, &stats::people(database, now).await?);
        say_works(&mut told, &stats::works(database, now).await?);
        say_requests(&mut told, &stats::requests(database).await?);
        say_talk(&mut told, &stats::talk(database).await?);
        // What isn't counted.
        for key in NONE {
            told.insert((*key).to_owned(), 0.into());
        }
        for message in MESSAGES {
            for end in ["Successes", "Errors"] {
                told.insert(format!("totalActivityPub{message}Messages{end}"), 0.into());
            }
        }
        told.insert("videosRedundancy".to_owned(), json!([]));
        Ok(Value::Object(told))
    }

    /// The newest videos of the kinds of which there is most, from page to page those of the next.
    pub(super) async fn tell_overview(&self, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let page = asked.query.optional("page", |text| match text.parse::<i64>() {
            Ok(page) if (1..=OVERVIEWS).contains(&page) => Ok(page),
            _ => Err(FieldError::Above(OVERVIEWS)),
        });
        let query = std::mem::take(&mut asked.query);
        let at = query.finish(page)?.unwrap_or(1) - 1;
        let mut told = json!({ "categories": [], "channels": [], "tags": [] });
        if let Some(id) =
            self.largest("category", at).await?.and_then(|text| text.parse::<i64>().ok())
        {
            let videos = self.newest("categoryOneOf", &id.to_string(), Scope::All, &asked).await?;
            let label = vocabulary::label(CATEGORIES, &id);
            let category = json!({ "id": id, "label": label });
            told["categories"] = json!([{ "category": category, "videos": videos }]);
        }
        if let Some(tag) = self.largest("tag", at).await? {
            let videos = self.newest("tagsOneOf", &tag, Scope::All, &asked).await?;
            told["tags"] = json!([{ "tag": tag, "videos": videos }]);
        }
        let id = self.largest("channel", at).await?.and_then(|text| text.parse::<i64>().ok());
        if let Some(id) = id
            && let Some(channel) = channel::by_id(&self.database, id).await?
        {
            let videos = self.newest("", "", Scope::Channel(id), &asked).await?;
            let channel = self.channel_json(&channel);
            told["channels"] = json!([{ "channel": channel, "videos": videos }]);
        }
        Ok(answer(&told))
    }

    async fn largest(&self, kind: &str, at: i64) -> sqlx::Result<Option<String>> {
        stats::largest(&self.database, kind, SAMPLE, at).await
    }

    async fn newest(
        &self,
        filter: &str,
        value_of: &str,
        scope: Scope,
        asked: &Asked<'_>,
    ) -> Result<Vec<Value>, ApiError> {
        let text = form_urlencoded::Serializer::new(String::new())
            .append_pair("count", &SAMPLE.to_string())
            .append_pair(filter, value_of)
            .finish();
        let mut query = Query::parse(&text);
        let wanted = ListQuery { scope, ..ListQuery::read(&mut query) };
        let wanted = self.as_wanted(query.finish(wanted)?, asked.visitor.as_ref());
        let found = self.find_list(&wanted, asked.user_id()).await?;
        Ok(found.cards.iter().map(|card| value(&self.card_form(card))).collect())
    }
}

fn say_people(told: &mut Map<String, Value>, people: &People) {
    for (key, count) in [
        ("totalAdmins", people.administrators),
        ("totalModerators", people.moderators),
        ("totalDailyActiveUsers", people.daily),
        ("totalWeeklyActiveUsers", people.weekly),
        ("totalMonthlyActiveUsers", people.monthly),
    ] {
        told.insert(key.to_owned(), count.into());
    }
}

/// The size is that of the files that were uploaded.
fn say_works(told: &mut Map<String, Value>, works: &Works) {
    for (key, count) in [
        ("totalLocalVideoFilesSize", works.bytes),
        ("totalLocalDailyActiveVideoChannels", works.daily),
        ("totalLocalWeeklyActiveVideoChannels", works.weekly),
        ("totalLocalMonthlyActiveVideoChannels", works.monthly),
    ] {
        told.insert(key.to_owned(), count.into());
    }
}

fn say_requests(told: &mut Map<String, Value>, requests: &Requests) {
    told.insert("totalRegistrationRequests".to_owned(), requests.total.into());
    told.insert("totalRegistrationRequestsProcessed".to_owned(), requests.processed.into());
    let waited = "averageRegistrationRequestResponseTimeMs".to_owned();
    told.insert(waited, requests.waited_ms.into());
}

fn say_talk(told: &mut Map<String, Value>, talk: &Talk) {
    for (key, count) in [
        ("totalVideoComments", talk.comments),
        ("totalLocalVideoComments", talk.comments_here),
        ("totalAbuses", talk.reports),
        ("totalAbusesProcessed", talk.reports_decided),
    ] {
        told.insert(key.to_owned(), count.into());
    }
    told.insert("averageAbuseResponseTimeMs".to_owned(), talk.report_waited_ms.into());
}

const NONE: &[&str] = &[
    "totalInstanceFollowers",
    "totalInstanceFollowing",
    "totalLocalPlaylists",
    "totalActivityPubMessagesProcessed",
    "totalActivityPubMessagesSuccesses",
    "totalActivityPubMessagesErrors",
    "totalActivityPubMessagesWaiting",
    "activityPubMessagesProcessedPerSecond",
];

/// What ActivityPub's servers send each other.
const MESSAGES: &[&str] = &[
    "Create",
    "Update",
    "Delete",
    "Follow",
    "Accept",
    "Reject",
    "Announce",
    "Undo",
    "Like",
    "Dislike",
    "Flag",
    "View",
    "ApproveReply",
    "RejectReply",
];

/// How long numbers are told before they are counted anew: it looks at whole tables.
const COUNTED_LIFE: Time = Time::from_secs(60);

/// Videos that a kind must have to be shown, and that are shown of it.
const SAMPLE: i64 = 6;

/// Pages of an overview, as with PeerTube.
const OVERVIEWS: i64 = 10;
