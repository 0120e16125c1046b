//! `videos` and what is below it: lists, one video, what belongs to it, and what viewers do with it.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Response};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};

use super::asked::Asked;
use super::change;
use super::forms::CardForm;
use super::{done, json as answer};
use crate::error::{ApiError, BadField, PasswordError};
use crate::field::FieldError;
use crate::listing::{ListQuery, Scope, boolean};
use crate::media::Media;
use crate::sight::{Seen, Sight};
use crate::table::listing::Found;
use crate::table::remote_video::RemoteVideo;
use crate::table::video::{self, About, Privacy, Schedule, Video};
use crate::table::{about, card, channel, rate, remote_video, video_password};
use crate::visitor::{Asker, Visitor};
use crate::vocabulary::{self, CATEGORIES, LANGUAGES, LICENCES, PRIVACIES};
use crate::when::iso;
use crate::{Reply, Sidecar, chapters, now_ms};

/// What a path below `videos` is about; a key is a UUID, a short UUID or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    List,
    Words(Words),
    Video(&'a str),
    Description(&'a str),
    Captions(&'a str),
    Chapters(&'a str),
    Storyboards(&'a str),
    Passwords(&'a str),
    Rate(&'a str),
    Views(&'a str),
    /// What whoever asks thinks of a video.
    Rating(&'a str),
}

/// Tables of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    Categories,
    Licences,
    Languages,
    Privacies,
}

impl<'a> Route<'a> {
    pub(super) fn parse(segments: &[&'a str]) -> Option<Route<'a>> {
        Some(match *segments {
            ["videos"] => Route::List,
            ["videos", "categories"] => Route::Words(Words::Categories),
            ["videos", "licences"] => Route::Words(Words::Licences),
            ["videos", "languages"] => Route::Words(Words::Languages),
            ["videos", "privacies"] => Route::Words(Words::Privacies),
            // Part of the same tree, but answered elsewhere.
            ["videos", "upload" | "upload-resumable" | "imports"] | ["videos", "imports", ..] => {
                return None;
            }
            ["videos", key] => Route::Video(key),
            ["videos", key, "description"] => Route::Description(key),
            ["videos", key, "captions"] => Route::Captions(key),
            ["videos", key, "chapters"] => Route::Chapters(key),
            ["videos", key, "storyboards"] => Route::Storyboards(key),
            ["videos", key, "passwords"] => Route::Passwords(key),
            ["videos", key, "rate"] => Route::Rate(key),
            ["videos", key, "views"] => Route::Views(key),
            ["users", "me", "videos", key, "rating"] => Route::Rating(key),
            _ => return None,
        })
    }

    pub(super) fn methods(self) -> &'static str {
        match self {
            Route::Video(_) => "GET, HEAD, PUT, DELETE, OPTIONS",
            Route::Rate(_) => "PUT, OPTIONS",
            Route::Views(_) => "POST, PUT, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }
}

impl Sidecar {
    pub(super) async fn answer_videos(
        &self,
        route: Route<'_>,
        asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        match (route, &asked.method) {
            (Route::List, &Method::GET) => self.tell_videos(Scope::All, asked).await,
            (Route::Words(words), &Method::GET) => Ok(tell_words(words)),
            (Route::Video(key), &Method::GET) => self.tell_video(key, asked.asker()).await,
            (Route::Video(key), &Method::PUT) => self.change_video(key, asked).await,
            (Route::Video(key), &Method::DELETE) => {
                let sight = self.editable(key, &asked).await?;
                video::delete(&self.database, sight.video.id).await?;
                Ok(done())
            }
            (Route::Description(key), &Method::GET) => {
                let sight = self.sight(key, asked.asker()).await?;
                Ok(answer(&json!({ "description": sight.video.description })))
            }
            (Route::Captions(key), &Method::GET) => self.tell_captions(key, asked.asker()).await,
            (Route::Chapters(key), &Method::GET) => self.tell_chapters(key, asked.asker()).await,
            (Route::Storyboards(key), &Method::GET) => {
                self.tell_storyboards(key, asked.asker()).await
            }
            (Route::Passwords(key), &Method::GET) => self.tell_passwords(key, &asked).await,
            (Route::Rating(key), &Method::GET) => self.tell_rating(key, &asked).await,
            (Route::Rate(key), &Method::PUT) => self.rate(key, asked).await,
            (Route::Views(key), &(Method::POST | Method::PUT)) => self.view(key, asked).await,
            _ => Err(ApiError::Method(route.methods())),
        }
    }

    /// A page of a list. For whoever isn't logged in it is kept for a second: it is the same for all of them.
    pub(super) async fn tell_videos(
        &self,
        scope: Scope,
        mut asked: Asked<'_>,
    ) -> Result<Reply, ApiError> {
        let query = ListQuery { scope, ..ListQuery::read(&mut asked.query) };
        let skips_total = asked.query.optional("skipCount", boolean).unwrap_or(false);
        let query = asked.query.finish(query)?;
        let query = self.as_wanted(query, asked.visitor.as_ref());
        let user_id = asked.visitor.as_ref().map_or(0, |visitor| visitor.user_id);
        if user_id > 0 {
            let found = self.find_list(&query, user_id).await?;
            return Ok(page_reply(self.page_json(&found, skips_total)));
        }
        let key = (query, skips_total);
        if let Some(kept) = self.pages(|pages, now| pages.find(now, &key)) {
            return Ok(page_reply(kept));
        }
        let found = self.find_list(&key.0, 0).await?;
        let page = self.page_json(&found, skips_total);
        self.pages(|pages, now| pages.keep(now, key, page.clone()));
        Ok(page_reply(page))
    }

    pub(super) fn page_json(&self, found: &Found, skips_total: bool) -> Bytes {
        let data: Vec<CardForm<'_>> = found.cards.iter().map(|card| self.card_form(card)).collect();
        let page = Page { total: (!skips_total).then_some(found.total), data };
        serde_json::to_vec(&page).expect("texts and numbers are JSON").into()
    }

    async fn tell_video(&self, key: &str, asker: Asker<'_>) -> Result<Reply, ApiError> {
        let Sight { video, may_edit } = self.sight(key, asker).await?;
        let user_id = asker.visitor.map_or(0, |visitor| visitor.user_id);
        let card = card::by_id(&self.database, video.id, user_id).await?;
        let channel = channel::by_id(&self.database, video.channel_id).await?;
        let (card, channel) = card.zip(channel).ok_or(ApiError::NotFound("Video"))?;
        let tags = about::tags(&self.database, video.id).await?;
        let elsewhere = match video.is_remote {
            true => remote_video::by_id(&self.database, video.id).await?,
            false => None,
        };
        let itself = (&video, elsewhere.as_ref());
        Ok(answer(&self.video_json(itself, &card, &channel, &tags, may_edit)))
    }

    async fn change_video(&self, key: &str, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        // What isn't said stays as it is, so nobody else may change it between the look and the change.
        let _turn = self.changing.lock().await;
        let Sight { video, .. } = self.editable(key, &asked).await?;
        let tags = about::tags(&self.database, video.id).await?;
        let passwords = video_password::all(&self.database, video.id).await?;
        let before = before(&video, tags, passwords).ok_or(ApiError::NotFound("Video"))?;
        let now_ms = now_ms();
        let (about, channel_id) = change::read(&mut asked.fields, before.clone());
        std::mem::take(&mut asked.fields).check()?;
        if let Some(channel_id) = channel_id.filter(|id| *id != video.channel_id) {
            self.move_video(&video, channel_id, asked.visitor()?).await?;
        }
        if about.description != before.description {
            let found = chapters::find(about.description.as_deref().unwrap_or_default());
            about::set_chapters(&self.database, video.id, &found).await?;
        }
        video::describe(&self.database, now_ms, video.id, &about).await?;
        Ok(done())
    }

    /// To another channel of the same account: its quota is what the video counts against.
    async fn move_video(
        &self,
        video: &Video,
        channel_id: i64,
        visitor: &Visitor,
    ) -> Result<(), ApiError> {
        let bad = || {
            let reason = FieldError::Kind("a channel of the same account");
            ApiError::Fields(vec![BadField { name: "channelId", reason }])
        };
        let channel = channel::by_id(&self.database, channel_id).await?;
        let channel = channel.filter(|channel| channel.account_id == video.account_id);
        let channel = channel.ok_or_else(bad)?;
        if !self.may_publish(channel.id, channel.account_id, visitor).await? {
            return Err(bad());
        }
        Ok(video::set_channel(&self.database, video.id, channel.id).await?)
    }

    async fn tell_captions(&self, key: &str, asker: Asker<'_>) -> Result<Reply, ApiError> {
        let Sight { video, .. } = self.sight(key, asker).await?;
        if let Some(known) = remote_video::by_id(&self.database, video.id).await? {
            return Ok(answer(&captions_elsewhere(&known)));
        }
        let captions = about::captions(&self.database, video.id).await?;
        let folder = self.media_folder(&video.uuid, video.privacy);
        let data = captions.iter().map(|caption| {
            let label = vocabulary::language(&caption.language).unwrap_or("Unknown");
            json!({
                "language": { "id": caption.language, "label": label },
                "automaticallyGenerated": false,
                "captionPath": folder.as_ref().map(|folder| format!("{folder}/{}", caption.file)),
                "updatedAt": iso(caption.updated_at),
            })
        });
        let data: Vec<Value> = data.collect();
        Ok(answer(&json!({ "total": data.len(), "data": data })))
    }

    async fn tell_chapters(&self, key: &str, asker: Asker<'_>) -> Result<Reply, ApiError> {
        let Sight { video, .. } = self.sight(key, asker).await?;
        let chapters = about::chapters(&self.database, video.id).await?;
        let each = chapters
            .iter()
            .map(|chapter| json!({ "timecode": chapter.timecode, "title": chapter.title }));
        Ok(answer(&json!({ "chapters": each.collect::<Vec<_>>() })))
    }

    /// As the origin tells it, with the path of its file.
    async fn tell_storyboards(&self, key: &str, asker: Asker<'_>) -> Result<Reply, ApiError> {
        let Sight { video, .. } = self.sight(key, asker).await?;
        let storyboard = Media::parse(video.media.as_deref()).and_then(|media| media.storyboard);
        let folder = self.media_folder(&video.uuid, video.privacy);
        let told = storyboard
            .zip(folder)
            .and_then(|(storyboard, folder)| storyboard_json(&storyboard, &folder));
        Ok(answer(&json!({ "storyboards": told.into_iter().collect::<Vec<_>>() })))
    }

    async fn tell_passwords(&self, key: &str, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let Sight { video, .. } = self.editable(key, asked).await?;
        let passwords = video_password::all(&self.database, video.id).await?;
        let data: Vec<Value> =
            passwords.iter().map(|password| json!({ "password": password })).collect();
        Ok(answer(&json!({ "total": data.len(), "data": data })))
    }

    async fn tell_rating(&self, key: &str, asked: &Asked<'_>) -> Result<Reply, ApiError> {
        let user_id = asked.visitor()?.user_id;
        let Sight { video, .. } = self.sight(key, asked.asker()).await?;
        let rating = match rate::of(&self.database, user_id, video.id).await? {
            Some(true) => "like",
            Some(false) => "dislike",
            None => "none",
        };
        Ok(answer(&json!({ "videoId": video.id, "rating": rating })))
    }

    async fn rate(&self, key: &str, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let user_id = asked.visitor()?.user_id;
        let Sight { video, .. } = self.sight(key, asked.asker()).await?;
        let rating = asked.fields.required("rating", |text| match text {
            "like" => Ok(Some(true)),
            "dislike" => Ok(Some(false)),
            "none" => Ok(None),
            _ => Err(FieldError::Choice("like, dislike, none")),
        });
        let rating = asked.fields.finish(rating)?;
        self.rate_as(user_id, &video, rating).await?;
        Ok(done())
    }

    /// Counts a view, once for each viewer and hour, and notes where its viewer is.
    async fn view(&self, key: &str, mut asked: Asked<'_>) -> Result<Reply, ApiError> {
        let Sight { video, .. } = self.sight(key, asked.asker()).await?;
        let most = video.duration_ms / 1000 + 1;
        let position = asked.fields.value("currentTime", |value| seconds(value, most));
        let event = asked.fields.optional("viewEvent", |text| match text {
            "seek" | "watch" => Ok(()),
            _ => Err(FieldError::Choice("seek, watch")),
        });
        let fields = std::mem::take(&mut asked.fields);
        fields.check()?;
        let _ = event;
        self.watched(&video, asked.visitor.as_ref(), asked.from, position).await?;
        Ok(done())
    }

    /// A video that whoever asks may see, or why not in PeerTube's words.
    pub(crate) async fn sight(&self, key: &str, asker: Asker<'_>) -> Result<Sight, ApiError> {
        match self.look(key, asker).await? {
            Seen::Shown(sight) => Ok(sight),
            Seen::PasswordWanted => Err(ApiError::VideoPassword(PasswordError::Required)),
            Seen::PasswordWrong => Err(ApiError::VideoPassword(PasswordError::Incorrect)),
            Seen::TooMany(wait) => Err(ApiError::TooMany(wait)),
            Seen::Nothing => Err(ApiError::NotFound("Video")),
        }
    }

    /// A video that whoever asks may change; whoever may see it is told that they may not.
    async fn editable(&self, key: &str, asked: &Asked<'_>) -> Result<Sight, ApiError> {
        asked.visitor()?;
        let sight = self.sight(key, asked.asker()).await?;
        if sight.may_edit {
            Ok(sight)
        } else {
            Err(ApiError::Forbidden("Cannot manage a video of another user."))
        }
    }
}

/// A list as PeerTube's programs read it.
#[derive(Debug, Serialize)]
struct Page<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    data: Vec<T>,
}

/// An answer that is JSON already.
pub(super) fn page_reply(bytes: Bytes) -> Reply {
    let mut reply = Response::new(Full::from(bytes));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(super::JSON));
    reply
}

fn tell_words(words: Words) -> Reply {
    let numbered = |table: &[(i64, &str)]| -> Value {
        Value::Object(table.iter().map(|(id, label)| (id.to_string(), (*label).into())).collect())
    };
    answer(&match words {
        Words::Categories => numbered(CATEGORIES),
        Words::Licences => numbered(LICENCES),
        Words::Privacies => numbered(PRIVACIES),
        Words::Languages => Value::Object(
            LANGUAGES.iter().map(|(code, label)| ((*code).to_owned(), (*label).into())).collect(),
        ),
    })
}

/// Captions of a video of another server, which have URLs there.
fn captions_elsewhere(known: &RemoteVideo) -> Value {
    let captions = known.captions();
    let data = captions.iter().map(|caption| {
        let label = vocabulary::language(&caption.language).unwrap_or("Unknown");
        json!({
            "language": { "id": caption.language, "label": label },
            "automaticallyGenerated": false,
            "captionPath": null,
            "fileUrl": caption.url,
            "updatedAt": iso(known.fetched_at),
        })
    });
    let data: Vec<Value> = data.collect();
    json!({ "total": data.len(), "data": data })
}

fn before(video: &Video, tags: Vec<String>, passwords: Vec<String>) -> Option<About> {
    let later = video.scheduled_at.zip(video.scheduled_privacy.and_then(Privacy::parse));
    Some(About {
        name: video.name.clone(),
        privacy: Privacy::parse(video.privacy)?,
        description: video.description.clone(),
        support: video.support.clone(),
        category: video.category,
        licence: video.licence,
        language: video.language.clone(),
        nsfw: video.nsfw,
        comments_policy: video.comments_policy,
        download_enabled: video.download_enabled,
        wait_transcoding: video.wait_transcoding,
        originally_published_at: video.originally_published_at,
        schedule: later.map(|(at, privacy)| Schedule { at, privacy }),
        tags,
        passwords,
    })
}

fn storyboard_json(storyboard: &Value, folder: &str) -> Option<Value> {
    let mut told = storyboard.clone();
    let file = told.as_object_mut()?.remove("file")?;
    told["storyboardPath"] = format!("{folder}/{}", file.as_str()?).into();
    Some(told)
}

/// A position in a video, in seconds, up to its end.
fn seconds(value: &Value, most: i64) -> Result<i64, FieldError> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| (0.0..=1e9).contains(number));
    let number = number.ok_or(FieldError::Kind("a number of seconds"))?;
    Ok((number as i64).min(most))
}
