//! What somebody publishes: `/my/videos`, `/my/upload`, one video's page of changes, and `/my/channels`.

use askama::Template;
use http::{HeaderMap, StatusCode};
use origin::Reply;
use sidecar::listing::Order;
use sidecar::upload::ImportLine;
use sidecar::view::{ChannelPage, VideoPage};
use sidecar::visitor::Asker;
use sidecar::vocabulary::{CATEGORIES, LANGUAGES, LICENCES, PRIVACIES};
use sidecar::{Act, ApiError, Fields, JobLine, cookie};
use wire::id::VideoId;

use super::settings::visitor;
use super::shelf::{CARDS, Card, page};
use super::{PageError, Site, parameter, see_other};
use crate::form::Form;
use crate::visit::Visit;

/// `/my/videos`.
#[derive(Template)]
#[template(path = "mine.html")]
struct Mine<'a> {
    visit: &'a Visit<'a>,
    cards: Vec<Card>,
    /// What is fetched, or wasn't.
    imports: Vec<ImportRow>,
    used: String,
    newer: Option<u32>,
    older: Option<u32>,
}

/// A video that is to come from an address.
struct ImportRow {
    import: ImportLine,
    key: &'static str,
    /// Of it that is there, while it comes and its length is known.
    percent: Option<u64>,
    is_open: bool,
}

/// `/my/upload`.
#[derive(Template)]
#[template(path = "upload.html")]
struct Upload<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    choices: Choices,
    /// What a video from an address is to be.
    import: Form,
    has_imports: bool,
}

/// `/my/videos/<short>`.
#[derive(Template)]
#[template(path = "edit.html")]
struct Edit<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    choices: Choices,
    short: String,
    uuid: String,
    name: String,
    job: Option<JobLine>,
    is_published: bool,
}

/// `/my/channels`.
#[derive(Template)]
#[template(path = "channels.html")]
struct Channels<'a> {
    visit: &'a Visit<'a>,
    channels: Vec<ChannelPage>,
    form: Form,
}

/// `/my/channels/<handle>`.
#[derive(Template)]
#[template(path = "channel-edit.html")]
struct EditChannel<'a> {
    visit: &'a Visit<'a>,
    channel: ChannelPage,
    form: Form,
    /// A picture that was sent can't be used.
    is_refused: bool,
}

/// What the boxes of a video's form offer: values and what people read.
struct Choices {
    channels: Vec<(String, String)>,
    privacies: Vec<(String, String)>,
    categories: Vec<(String, String)>,
    licences: Vec<(String, String)>,
    languages: Vec<(String, String)>,
}

impl Site {
    pub(super) async fn my_videos(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let page = page(query);
        let start = (page - 1).saturating_mul(CARDS);
        let order = Order::parse("-createdAt").unwrap_or_default();
        let listed = self.sidecar.my_videos(visitor, None, order, start, CARDS).await?;
        let quota = self.sidecar.quota(visitor).await?;
        let used = match quota.bytes {
            Some(most) => visit.used("quota-of", quota.used_bytes, most),
            None => visit.used("quota-used", quota.used_bytes, 0),
        };
        let page = Mine {
            visit,
            imports: self.imports(visit).await?,
            used,
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(CARDS) < listed.total).then(|| page + 1),
            cards: Card::all(visit, listed),
        };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn show_upload(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.upload(visit, StatusCode::OK, Form::default()).await
    }

    /// Has a video fetched from an address.
    pub(super) async fn import_video(
        &self,
        visit: &Visit<'_>,
        fields: Fields,
    ) -> Result<Reply, PageError> {
        match self.sidecar.act(visitor(visit)?, Act::ImportVideo, fields.clone()).await {
            Ok(()) => Ok(see_other("/my/videos#imports")),
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                self.upload(visit, error.status(), form).await
            }
        }
    }

    /// Stops an import, tries it again, or forgets it.
    pub(super) async fn change_import(
        &self,
        visit: &Visit<'_>,
        id: i64,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        let act = match fields.text("do") {
            Some("cancel") => Act::CancelImport(id),
            Some("retry") => Act::RetryImport(id),
            Some("delete") => Act::DeleteImport(id),
            _ => return Err(PageError::NotFound),
        };
        match self.sidecar.act(visitor(visit)?, act, Fields::default()).await {
            // It is done by now, or somebody did it twice: the page says how it is.
            Ok(()) | Err(ApiError::Conflict(_)) => Ok(see_other("/my/videos#imports")),
            Err(error) => Err(error.into()),
        }
    }

    async fn upload(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        import: Form,
    ) -> Result<Reply, PageError> {
        let choices = self.choices(visit).await?;
        let form =
            Form::filled([("privacy", "1".to_owned()), ("downloadEnabled", "true".to_owned())]);
        let has_imports = self.sidecar.import_door().is_some();
        self.html(visit, status, &Upload { visit, form, choices, import, has_imports })
    }

    async fn imports(&self, visit: &Visit<'_>) -> Result<Vec<ImportRow>, PageError> {
        let found = self.sidecar.my_imports(visitor(visit)?, IMPORTS).await?;
        let mut rows = Vec::new();
        // What became a video is among the videos.
        for import in found.into_iter().filter(|import| import.state != "done") {
            let upload = import.upload.as_ref().filter(|_| import.state == "fetching");
            let there = upload.map(|upload| (self.catalogue.arrived(&upload.id), upload.bytes));
            rows.push(ImportRow {
                percent: there.map(|(have, bytes)| have.saturating_mul(100) / bytes.max(1)),
                is_open: matches!(import.state, "waiting" | "fetching"),
                key: import_key(import.state),
                import,
            });
        }
        Ok(rows)
    }

    pub(super) async fn show_edit(
        &self,
        visit: &Visit<'_>,
        key: &str,
        query: &str,
    ) -> Result<Reply, PageError> {
        let video = self.editable(visit, key).await?;
        let mut form = filled(&video);
        form.done = parameter(query, "saved").map(|_| visit.say("saved"));
        self.edit(visit, StatusCode::OK, video, form).await
    }

    pub(super) async fn change_video(
        &self,
        visit: &Visit<'_>,
        key: &str,
        mut fields: Fields,
    ) -> Result<Reply, PageError> {
        let video = self.editable(visit, key).await?;
        let sent = fields.clone();
        fields.tick(&["nsfw", "downloadEnabled"]);
        fields.drop_empty(&["videoPasswords"]);
        fields.split("videoPasswords", '\n');
        fields.schedule("scheduleAt", "schedulePrivacy");
        let changed = self.sidecar.act(visitor(visit)?, Act::ChangeVideo(key), fields).await;
        match changed {
            Ok(()) => {
                self.catalogue.tell_access().await.map_err(PageError::Media)?;
                Ok(see_other(&format!("/my/videos/{}?saved=1", video.card.id.short())))
            }
            Err(error) => {
                let form = Form::refused(visit.language, &sent, &error);
                self.edit(visit, error.status(), video, form).await
            }
        }
    }

    pub(super) async fn delete_video(
        &self,
        visit: &Visit<'_>,
        key: &str,
    ) -> Result<Reply, PageError> {
        self.editable(visit, key).await?;
        self.sidecar.act(visitor(visit)?, Act::DeleteVideo(key), Fields::default()).await?;
        Ok(see_other("/my/videos"))
    }

    /// Has a worker try again what failed.
    pub(super) async fn retry_video(
        &self,
        visit: &Visit<'_>,
        key: &str,
    ) -> Result<Reply, PageError> {
        let video = self.editable(visit, key).await?;
        self.sidecar
            .act(visitor(visit)?, Act::RetryVideo(&video.card.id), Fields::default())
            .await?;
        Ok(see_other(&format!("/my/videos/{}", video.card.id.short())))
    }

    pub(super) async fn show_channels(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.channels(visit, StatusCode::OK, Form::default()).await
    }

    pub(super) async fn make_channel(
        &self,
        visit: &Visit<'_>,
        mut fields: Fields,
    ) -> Result<Reply, PageError> {
        let sent = fields.clone();
        fields.drop_empty(&["description", "support"]);
        match self.sidecar.act(visitor(visit)?, Act::MakeChannel, fields).await {
            Ok(()) => Ok(see_other("/my/channels")),
            Err(error) => {
                let form = Form::refused(visit.language, &sent, &error);
                self.channels(visit, error.status(), form).await
            }
        }
    }

    pub(super) async fn show_channel(
        &self,
        visit: &Visit<'_>,
        handle: &str,
        query: &str,
    ) -> Result<Reply, PageError> {
        let channel = self.managed(visit, handle).await?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut form = Form::filled([
            ("displayName", channel.name.clone()),
            ("description", text(&channel.description)),
            ("support", text(&channel.support)),
        ]);
        form.done = parameter(query, "saved").map(|_| visit.say("saved"));
        let is_refused = parameter(query, "picture").is_some();
        self.html(visit, StatusCode::OK, &EditChannel { visit, channel, form, is_refused })
    }

    pub(super) async fn change_channel(
        &self,
        visit: &Visit<'_>,
        handle: &str,
        fields: Fields,
    ) -> Result<Reply, PageError> {
        let channel = self.managed(visit, handle).await?;
        let act = Act::ChangeChannel(handle);
        match self.sidecar.act(visitor(visit)?, act, fields.clone()).await {
            Ok(()) => Ok(see_other(&format!("/c/{}", channel.handle))),
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                let page = EditChannel { visit, channel, form, is_refused: false };
                self.html(visit, error.status(), &page)
            }
        }
    }

    pub(super) async fn delete_channel(
        &self,
        visit: &Visit<'_>,
        handle: &str,
    ) -> Result<Reply, PageError> {
        self.managed(visit, handle).await?;
        let act = Act::DeleteChannel(handle);
        self.sidecar.act(visitor(visit)?, act, Fields::default()).await?;
        Ok(see_other("/my/channels"))
    }

    /// Subscribes to a channel, or no longer.
    pub(super) async fn subscribe(
        &self,
        visit: &Visit<'_>,
        handle: &str,
        fields: &Fields,
    ) -> Result<Reply, PageError> {
        let wanted = fields.text("subscribed") == Some("true");
        if !self.sidecar.subscribe(visitor(visit)?, handle, wanted).await? {
            return Err(PageError::NotFound);
        }
        Ok(see_other(&next(fields, &format!("/c/{handle}"))))
    }

    /// Likes a video, dislikes it, or neither.
    pub(super) async fn rate(
        &self,
        visit: &Visit<'_>,
        key: &str,
        fields: &Fields,
        headers: &HeaderMap,
    ) -> Result<Reply, PageError> {
        let video: VideoId = key.parse().map_err(|_| PageError::NotFound)?;
        let password = cookie::video_password(headers, &video);
        let rating = match fields.text("rating") {
            Some("like") => Some(true),
            Some("dislike") => Some(false),
            _ => None,
        };
        let visitor = visitor(visit)?;
        if !self.sidecar.rate_video(key, visitor, password.as_deref(), rating).await? {
            return Err(PageError::NotFound);
        }
        Ok(see_other(&next(fields, &format!("/w/{key}"))))
    }

    async fn channels(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        form: Form,
    ) -> Result<Reply, PageError> {
        let channels = self.sidecar.my_channels(visitor(visit)?).await?;
        self.html(visit, status, &Channels { visit, channels, form })
    }

    async fn managed(&self, visit: &Visit<'_>, handle: &str) -> Result<ChannelPage, PageError> {
        let channel = self.sidecar.channel_page(handle, Some(visitor(visit)?)).await?;
        channel.filter(|channel| channel.may_manage).ok_or(PageError::NotFound)
    }

    /// A video that the visitor may change; there is no other for this page.
    async fn editable(&self, visit: &Visit<'_>, key: &str) -> Result<Box<VideoPage>, PageError> {
        let asker = Asker { visitor: Some(visitor(visit)?), password: None, from: "" };
        let seen = self.sidecar.video_page(key, asker).await?.shown();
        seen.filter(|video| video.may_edit).ok_or(PageError::NotFound)
    }

    async fn edit(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        video: Box<VideoPage>,
        form: Form,
    ) -> Result<Reply, PageError> {
        let job = self.sidecar.job_of(visitor(visit)?, &video.card.id.to_string()).await?;
        let mut choices = self.choices(visit).await?;
        let own = (video.card.channel.no.to_string(), video.card.channel.name.clone());
        if !choices.channels.contains(&own) {
            // Whoever keeps order changes videos of channels that aren't theirs.
            choices.channels.insert(0, own);
        }
        let page = Edit {
            visit,
            form,
            choices,
            short: video.card.id.short(),
            uuid: video.card.id.to_string(),
            is_published: video.medium.is_some(),
            name: video.card.name,
            job,
        };
        self.html(visit, status, &page)
    }

    async fn choices(&self, visit: &Visit<'_>) -> Result<Choices, ApiError> {
        let channels = self.sidecar.my_channels(visitor(visit).map_err(|_| ApiError::NoToken)?);
        let channels = channels.await?.into_iter().filter(|channel| channel.may_publish);
        let numbered = |table: &[(i64, &str)]| {
            table.iter().map(|(id, label)| (id.to_string(), (*label).to_owned())).collect()
        };
        let privacy = |(id, _): &(i64, &str)| {
            let key = PRIVACY_KEYS[usize::try_from(*id - 1).unwrap_or_default().min(4)];
            (id.to_string(), visit.say(key))
        };
        Ok(Choices {
            channels: channels.map(|channel| (channel.no.to_string(), channel.name)).collect(),
            privacies: PRIVACIES.iter().map(privacy).collect(),
            categories: numbered(CATEGORIES),
            licences: numbered(LICENCES),
            languages: LANGUAGES
                .iter()
                .map(|(code, label)| ((*code).to_owned(), (*label).to_owned()))
                .collect(),
        })
    }
}

fn filled(video: &VideoPage) -> Form {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let word = |word: &Option<sidecar::view::Word>| {
        word.as_ref().map(|word| word.id.clone()).unwrap_or_default()
    };
    let ticked = |is_ticked: bool| if is_ticked { "true".to_owned() } else { String::new() };
    let (at, privacy) = match video.card.schedule {
        Some((at, privacy)) => (sidecar::when::minute(at), privacy.number().to_string()),
        None => (String::new(), "1".to_owned()),
    };
    Form::filled([
        ("name", video.card.name.clone()),
        ("description", text(&video.description)),
        ("support", text(&video.support)),
        ("channelId", video.card.channel.no.to_string()),
        ("privacy", video.card.privacy.number().to_string()),
        ("category", word(&video.category)),
        ("licence", word(&video.licence)),
        ("language", word(&video.language)),
        ("tags", video.tags.join(", ")),
        ("nsfw", ticked(video.card.nsfw)),
        ("downloadEnabled", ticked(video.download_enabled)),
        ("commentsPolicy", video.comments_policy.to_string()),
        ("scheduleAt", at),
        ("schedulePrivacy", privacy),
    ])
}

fn import_key(state: &str) -> &'static str {
    match state {
        "waiting" => "import-waiting",
        "fetching" => "import-fetching",
        "cancelled" => "import-cancelled",
        _ => "import-failed",
    }
}

/// Where a form's page wants to be gone on to.
fn next(fields: &Fields, otherwise: &str) -> String {
    fields.text("next").and_then(crate::visit::local_path).unwrap_or(otherwise).to_owned()
}

/// Imports that the page tells of.
const IMPORTS: u32 = 20;

/// What is said of each privacy, by PeerTube's numbers.
const PRIVACY_KEYS: [&str; 5] = [
    "privacy-public",
    "privacy-unlisted",
    "privacy-private",
    "privacy-internal",
    "privacy-password",
];
