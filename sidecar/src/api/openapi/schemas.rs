//! What is said in requests and answers: an object in one line.
//!
//! ```text
//! "id int, name text, description text?, total? int, data [Card]"
//! ```
//! A `?` behind a kind is "or null", behind a name "or absent". Kinds are `int`, `number`, `text`, `bool`, `date`, `uuid`,
//! `file`, `any`, `object`, words with `|` between them, `[kind]` for a list, `{kind}` for an object of such values, and names of
//! other lines. Numbers behind `int` and `text` are bounds. `+Card` takes all of another line in.

use serde_json::{Map, Value, json};

/// All of them, by name.
pub(super) fn all() -> Map<String, Value> {
    let objects = OBJECTS.iter().map(|(name, line)| ((*name).to_owned(), object(line)));
    let others = OTHERS.iter().map(|(name, text)| ((*name).to_owned(), kind(text)));
    objects.chain(others).collect()
}

/// A kind as JSON Schema.
pub(super) fn kind(text: &str) -> Value {
    if let Some(text) = text.strip_suffix('?') {
        return match kind(text) {
            Value::Object(mut plain) if plain.get("type").is_some_and(Value::is_string) => {
                let kind = plain["type"].take();
                plain.insert("type".to_owned(), json!([kind, "null"]));
                Value::Object(plain)
            }
            other => json!({ "anyOf": [other, { "type": "null" }] }),
        };
    }
    if let Some(inner) = text.strip_prefix('[') {
        return json!({ "type": "array", "items": kind(inner.trim_end_matches(']')) });
    }
    if let Some(inner) = text.strip_prefix('{') {
        let inner = kind(inner.trim_end_matches('}'));
        return json!({ "type": "object", "additionalProperties": inner });
    }
    if text.contains('|') {
        return json!({ "type": "string", "enum": text.split('|').collect::<Vec<_>>() });
    }
    let mut words = text.split(' ');
    let word = words.next().unwrap_or_default();
    let bounds: Vec<i64> = words.filter_map(|word| word.parse().ok()).collect();
    let mut schema = plain(word);
    for (bound, key) in bounds.iter().zip(bound_names(word)) {
        schema[key] = (*bound).into();
    }
    schema
}

fn plain(word: &str) -> Value {
    match word {
        "int" => json!({ "type": "integer" }),
        "number" => json!({ "type": "number" }),
        "text" => json!({ "type": "string" }),
        "bool" => json!({ "type": "boolean" }),
        "object" => json!({ "type": "object" }),
        "any" => json!({}),
        "date" => json!({ "type": "string", "format": "date-time" }),
        "uuid" => json!({ "type": "string", "format": "uuid" }),
        "file" => json!({ "type": "string", "contentMediaType": "application/octet-stream" }),
        name => json!({ "$ref": format!("#/components/schemas/{name}") }),
    }
}

fn bound_names(word: &str) -> [&'static str; 2] {
    if word == "text" { ["minLength", "maxLength"] } else { ["minimum", "maximum"] }
}

fn object(line: &str) -> Value {
    let (mut properties, mut required, mut taken) = (Map::new(), Vec::new(), Vec::new());
    for entry in line.split(", ").filter(|entry| !entry.is_empty()) {
        if let Some(other) = entry.strip_prefix('+') {
            taken.push(kind(other));
            continue;
        }
        let (name, text) = entry.split_once(' ').unwrap_or((entry, "any"));
        let bare = name.strip_suffix('?');
        if bare.is_none() {
            required.push(name);
        }
        properties.insert(bare.unwrap_or(name).to_owned(), kind(text));
    }
    let own = json!({ "type": "object", "properties": properties, "required": required });
    if taken.is_empty() {
        return own;
    }
    taken.push(own);
    json!({ "allOf": taken })
}

const OBJECTS: &[(&str, &str)] = &[
    (
        "Problem",
        "type text, title? text?, code? text, detail text, status int, error text, invalid-params? object",
    ),
    // Who comes in.
    ("Client", "client_id text, client_secret text"),
    (
        "Grant",
        "client_id text, client_secret text, grant_type password|refresh_token, username? text, password? text, refresh_token? text",
    ),
    (
        "Tokens",
        "token_type text, access_token text, refresh_token text, expires_in int, refresh_token_expires_in int",
    ),
    (
        "Applicant",
        "username text 1 50, password text 8 255, email text 3 254, displayName? text 1 120",
    ),
    ("Application", "+Applicant, registrationReason text 2 3000"),
    (
        "Registration",
        "id int, state NumberLabel, registrationReason text, moderationResponse text?, username text, email text, emailVerified bool?, accountDisplayName text, user UserId?, createdAt date, updatedAt date",
    ),
    ("UserId", "id int"),
    ("Registrations", "total int, data [Registration]"),
    ("Decision", "moderationResponse? text 2 3000"),
    ("Address", "email text 3 254"),
    ("Proof", "verificationString text 1 100, isPendingEmail? bool"),
    ("Reset", "verificationString text 1 100, password text 8 255"),
    ("Confirmation", "currentPassword text"),
    ("Otp", "otpRequest OtpRequest"),
    ("OtpRequest", "requestToken text, secret text, uri text"),
    ("OtpConfirmation", "requestToken text 1 100, otpToken text 1 100"),
    ("ExportRequest", "withVideoFiles? bool"),
    ("ExportMade", "export ExportNumber"),
    ("ExportNumber", "id int"),
    ("Exports", "total int, data [Export]"),
    (
        "Export",
        "id int, state NumberLabel, size int, privateDownloadUrl text?, createdAt date, expiresOn date",
    ),
    // What is said of numbers and codes.
    ("NumberLabel", "id int?, label text"),
    ("CodeLabel", "id text?, label text"),
    // Videos.
    (
        "Card",
        "id int, uuid uuid, shortUUID text, url text, name text, category NumberLabel, licence NumberLabel, language CodeLabel, privacy NumberLabel, nsfw bool, truncatedDescription text?, description text?, isLocal bool, duration int, aspectRatio number?, views int, viewers int, likes int, dislikes int, thumbnailPath text?, previewPath text?, embedPath text, createdAt date, updatedAt date, publishedAt date?, originallyPublishedAt date?, isLive bool, account Owner, channel Owner, userHistory? Position",
    ),
    ("Owner", "id int, name text, displayName text, url text, host text, avatars [Picture]"),
    ("Picture", "path text, width int, height int, fileUrl text, createdAt date, updatedAt date"),
    ("Avatars", "avatars [Picture]"),
    ("Banners", "banners [Picture]"),
    ("AvatarFile", "avatarfile file"),
    ("BannerFile", "bannerfile file"),
    ("Position", "currentTime int"),
    ("VideoList", "total? int, data [Card]"),
    (
        "OwnCard",
        "+Card, state NumberLabel, scheduledUpdate? Scheduled, waitTranscoding bool, blacklisted bool",
    ),
    ("OwnVideoList", "total int, data [OwnCard]"),
    ("Scheduled", "updateAt date, privacy int"),
    (
        "Video",
        "+OwnCard, support text?, descriptionPath text, tags [text], account Account, channel Channel, blacklistedReason text?, commentsEnabled bool, commentsPolicy NumberLabel, downloadEnabled bool, inputFileUpdatedAt date?, files [any], streamingPlaylists [Playlist], trackerUrls [text]",
    ),
    (
        "Playlist",
        "id int, type int, playlistUrl text, segmentsSha256Url text, redundancies [any], files [Rendition]",
    ),
    (
        "Rendition",
        "id int, resolution NumberLabel, width int, height int, size int, fps int, fileUrl text, fileDownloadUrl text, hasAudio bool, hasVideo bool, storage int",
    ),
    ("VideoChange", "+VideoSaid, channelId? int, name? text 3 120"),
    (
        "VideoSaid",
        "privacy? int 1 5, description? text?, support? text?, category? int?, licence? int?, language? text?, nsfw? bool, downloadEnabled? bool, waitTranscoding? bool, commentsEnabled? bool, commentsPolicy? int 1 3, originallyPublishedAt? date?, scheduleUpdate? any, tags? [text], videoPasswords? [text]",
    ),
    ("Description", "description text?"),
    ("CaptionList", "total int, data [Caption]"),
    (
        "Caption",
        "language CodeLabel, automaticallyGenerated bool, captionPath text?, fileUrl? text, updatedAt date",
    ),
    ("CaptionFile", "captionfile file"),
    ("ThumbnailFile", "thumbnailfile? file, thumbnailAt? number"),
    ("Chapters", "chapters [Chapter]"),
    ("Chapter", "timecode int, title text"),
    ("Storyboards", "storyboards [Storyboard]"),
    (
        "Storyboard",
        "storyboardPath text, totalHeight int, totalWidth int, spriteHeight int, spriteWidth int, spriteDuration number",
    ),
    // Comments.
    ("CommentThreads", "total int, totalNotDeletedComments int, data [Comment]"),
    (
        "Comment",
        "id int, url text, text text, threadId int, inReplyToCommentId int?, videoId int, createdAt date, updatedAt date, deletedAt date?, heldForReview bool, isDeleted bool, totalRepliesFromVideoAuthor int, totalReplies int, account Account?",
    ),
    ("CommentText", "text text 1 10000"),
    ("CommentMade", "comment Comment"),
    ("CommentTree", "comment Comment, children [CommentTree]"),
    ("CommentList", "total int, data [ListedComment]"),
    ("ListedComment", "+Comment, video CommentedVideo, automaticTags [text]"),
    ("Reporting", "reason text 2 3000, video? ReportedVideo, comment? UserId, account? UserId"),
    ("ReportedVideo", "id any"),
    ("ReportMade", "abuse UserId"),
    ("ReportList", "total int, data [Report]"),
    (
        "Report",
        "id int, reason text, predefinedReasons [text], reporterAccount Somebody?, flaggedAccount Somebody?, state NumberLabel, moderationComment text?, video object?, comment object?, createdAt date, updatedAt date",
    ),
    ("Somebody", "id int, name text, host text, displayName text, url text"),
    ("ReportDecision", "state? int 1 3, moderationComment? text 2 3000"),
    ("NotificationList", "total int, data [Notification]"),
    (
        "Notification",
        "id int, type int, read bool, createdAt date, updatedAt date, comment? object, actorFollow? object",
    ),
    ("NotificationsRead", "ids [int]"),
    ("CommentedVideo", "id int, uuid uuid, name text"),
    ("Passwords", "total int, data [Password]"),
    ("Password", "password text"),
    ("Rate", "rating like|dislike|none"),
    ("Rating", "videoId int, rating like|dislike|none"),
    ("View", "currentTime? number 0 1000000000, viewEvent? seek|watch"),
    (
        "Source",
        "filename text, inputFilename text, fileUrl text?, fileDownloadUrl text?, resolution NumberLabel?, size int, width int?, height int?, fps number?, metadata any, createdAt date",
    ),
    (
        "Progress",
        "stage queued|probing|transcoding|published|failed, percent int 0 100, isPublished bool, attempts int, reason text?, mayRetry bool, dueAt date?, updatedAt date",
    ),
    ("Overview", "categories [CategorySample], channels [ChannelSample], tags [TagSample]"),
    ("CategorySample", "category NumberLabel, videos [Card]"),
    ("ChannelSample", "channel Channel, videos [Card]"),
    ("TagSample", "tag text, videos [Card]"),
    // Files on their way in.
    ("Uploaded", "video UploadedVideo"),
    ("UploadedVideo", "id int, uuid uuid, shortUUID text"),
    ("UploadForm", "+VideoSaid, videofile file, channelId int, name text 3 120"),
    ("ImportBeginning", "+VideoSaid, targetUrl text, channelId int, name? text 3 120"),
    (
        "Import",
        "id int, targetUrl text, magnetUri text?, torrentName text?, state NumberLabel, error text?, video? OwnCard, createdAt date, updatedAt date",
    ),
    ("ImportList", "total int, data [Import]"),
    ("UploadBeginning", "+VideoSaid, filename text, channelId? int, name? text 3 120"),
    // Channels and accounts.
    (
        "Actor",
        "url text, name text, host text, avatars [Picture], id int, hostRedundancyAllowed bool, followingCount int, followersCount int, createdAt date, updatedAt date, displayName text, description text?",
    ),
    ("Account", "+Actor, userId int?"),
    ("AccountList", "total int, data [Account]"),
    ("BareChannel", "+Actor, banners [Picture], support text?, isLocal bool"),
    ("Channel", "+BareChannel, ownerAccount Account"),
    ("ChannelList", "total int, data [Channel]"),
    ("ChannelNew", "name text 1 50, displayName text 1 120, description? text?, support? text?"),
    ("ChannelMade", "videoChannel UserId"),
    ("ChannelChange", "displayName? text 1 120, description? text?, support? text?"),
    ("NoList", "total int 0 0, data [any]"),
    ("Collaborators", "total int, data [Collaborator]"),
    ("Collaborator", "account CollaboratorAccount, role text?, isAccepted bool, createdAt date"),
    ("CollaboratorAccount", "id int, name text, displayName text"),
    ("CollaboratorRole", "role editor|manager"),
    // What is one's own.
    ("QuotaUsed", "videoQuotaUsed int, videoQuotaUsedDaily int"),
    ("Subscribing", "uri text 1 300"),
    ("Forgetting", "beforeDate? date"),
    // Users.
    (
        "Preferences",
        "theme text, emailPublic bool, nsfwPolicy do_not_list|blur|display, p2pEnabled bool, videosHistoryEnabled bool, autoPlayVideo bool, autoPlayNextVideo bool, autoPlayNextVideoPlaylist bool, videoLanguages [text]?, noInstanceConfigWarningModal bool, noWelcomeModal bool, noAccountSetupWarningModal bool",
    ),
    (
        "BareUser",
        "+Preferences, id int, username text, email text, pendingEmail text?, emailVerified bool?, role NumberLabel, videoQuota int, videoQuotaDaily int, blocked bool, blockedReason text?, account Account, createdAt date, lastLoginDate date?, videoChannels [BareChannel], pluginAuth text?, twoFactorEnabled bool, adminFlags int",
    ),
    ("Me", "+BareUser, specialPlaylists [any]"),
    (
        "MeChange",
        "displayName? text 1 120, description? text?, email? text, password? text 8 255, currentPassword? text, theme? text 1 50, emailPublic? bool, nsfwPolicy? do_not_list|blur|display, p2pEnabled? bool, videosHistoryEnabled? bool, autoPlayVideo? bool, autoPlayNextVideo? bool, autoPlayNextVideoPlaylist? bool, videoLanguages? [text]?",
    ),
    ("User", "+BareUser, videoQuotaUsed int, videoQuotaUsedDaily int, totalVideoFileSize int"),
    ("UserList", "total int, data [User]"),
    (
        "UserNew",
        "username text 1 50, password text 8 255, email? text, role? int 0 2, videoQuota? int, videoQuotaDaily? int",
    ),
    ("UserMade", "user MadeUser"),
    ("MadeUser", "id int, account UserId?"),
    (
        "UserChange",
        "password? text 8 255, email? text, role? int 0 2, videoQuota? int, videoQuotaDaily? int",
    ),
    ("Blocking", "reason? text 3 250"),
    ("JobList", "total int, data [Job]"),
    (
        "Job",
        "id text, type text, state text, progress int, priority int, data object, error JobError?, createdAt date, processedOn date?, finishedOn date?",
    ),
    ("JobError", "message text"),
    // Other servers.
    ("FollowList", "total int, data [Follow]"),
    (
        "Follow",
        "id int, follower FollowActor, following FollowActor, score int, state pending|accepted|rejected, createdAt date, updatedAt date",
    ),
    (
        "FollowActor",
        "id? int, url text, name text, host text, avatars [Picture], banners [Picture], followersCount int, followingCount int, hostRedundancyAllowed bool, createdAt? date",
    ),
    ("Followed", "hosts? [text], handles? [text]"),
    ("BlockedServers", "total int, data [BlockedServer]"),
    ("BlockedServer", "byAccount object, blockedServer ServerName, reason text?, createdAt date"),
    ("ServerName", "host text"),
    ("ServerBlock", "host text 1 500, reason? text 1 500"),
    ("BlockedAccounts", "total int, data [BlockedAccount]"),
    (
        "BlockedAccount",
        "byAccount object, blockedAccount AccountName, reason text?, createdAt date",
    ),
    ("AccountName", "name text, host text, displayName text, avatars [any]"),
    ("AccountBlock", "accountName text 1 500, reason? text 1 500"),
    // The house.
    (
        "Config",
        "client object, defaults object, instance object, search object, serverVersion text, signup object, transcoding object, user object, videoChannels object, trending object, video object, videoCaption object, avatar object, live object, import object, export object",
    ),
    ("About", "instance AboutInstance"),
    (
        "AboutInstance",
        "name text, shortDescription text, description text, terms text, codeOfConduct text, hardwareInformation text, creationReason text, moderationInformation text, administrator text, maintenanceLifetime text, businessModel text, languages [text], categories [int], banners [Picture], avatars [Picture]",
    ),
    (
        "Stats",
        "totalUsers int, totalDailyActiveUsers int, totalWeeklyActiveUsers int, totalMonthlyActiveUsers int, totalModerators int, totalAdmins int, totalLocalVideos int, totalLocalVideoViews int, totalLocalVideoFilesSize int, totalVideos int, totalLocalVideoChannels int, totalInstanceFollowers int, totalInstanceFollowing int, videosRedundancy [any]",
    ),
];

/// What isn't an object of named properties.
const OTHERS: &[(&str, &str)] =
    &[("Labels", "{text}"), ("Which", "{bool}"), ("Bytes", "file"), ("Any", "object")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object() {
        let wanted = json!({
            "type": "object",
            "properties": {
                "id": { "type": "integer", "minimum": 1, "maximum": 5 },
                "name": { "type": ["string", "null"] },
                "data": { "type": "array", "items": { "$ref": "#/components/schemas/Card" } },
                "owner": { "anyOf": [{ "$ref": "#/components/schemas/Owner" }, { "type": "null" }] },
                "how": { "type": "string", "enum": ["like", "none"] },
            },
            "required": ["id", "data", "owner", "how"],
        });
        assert_eq!(
            object("id int 1 5, name? text?, data [Card], owner Owner?, how like|none"),
            wanted
        );
        assert_eq!(object("+Card")["allOf"][0]["$ref"], "#/components/schemas/Card");
        assert_eq!(kind("{bool}")["additionalProperties"]["type"], "boolean");
    }
}
