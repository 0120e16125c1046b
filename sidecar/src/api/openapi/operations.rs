//! All requests that are answered, room by room: one line for each, and what differs from the usual behind it.

use super::{Answer, FORM, JSON, Operation, Who, delete, get, operation, post, put};

/// All rooms.
pub(super) const ALL: &[&[Operation]] = &[
    ENTRY,
    REGISTRATIONS,
    VIDEOS,
    OF_A_VIDEO,
    COMMENTS,
    UPLOADS,
    IMPORTS,
    PICTURES,
    CHANNELS,
    MINE,
    USERS,
    SERVERS,
    HOUSE,
];

/// Who comes in.
const ENTRY: &[Operation] = &[
    get(
        "/api/v1/oauth-clients/local",
        "What programs name themselves by when they log in.",
        "Client",
    ),
    post("/api/v1/users/token", "Log in by a password, or renew a session (OAuth 2.0).")
        .takes_as(&["application/x-www-form-urlencoded"], "Grant")
        .gives("Tokens")
        .may(&[429, 503]),
    post("/api/v1/users/revoke-token", "End the session that asks.").by(Who::User),
    get("/api/v1/users/me", "Who asks.", "Me").by(Who::User),
    put("/api/v1/users/me", "Change what is one's own.")
        .by(Who::User)
        .takes("MeChange")
        .may(&[409, 429, 503]),
    delete("/api/v1/users/me", "Delete one's account with all that is in it.").by(Who::User),
];

/// Who wants to come in.
const REGISTRATIONS: &[Operation] = &[
    post("/api/v1/users/register", "Make an account, where everybody may.")
        .takes("Applicant")
        .may(&[403, 409, 429, 503]),
    post("/api/v1/users/registrations/request", "Ask for an account, where moderators decide.")
        .takes("Application")
        .gives("Registration")
        .may(&[403, 409, 429, 503]),
    get("/api/v1/users/registrations", "Who asked for an account.", "Registrations")
        .by(Who::Moderator)
        .query(PAGE),
    post("/api/v1/users/registrations/{id}/accept", "Let somebody in.")
        .by(Who::Moderator)
        .takes("Decision")
        .may(&[409]),
    post("/api/v1/users/registrations/{id}/reject", "Don't let somebody in.")
        .by(Who::Moderator)
        .takes("Decision")
        .may(&[409]),
    post("/api/v1/users/ask-send-verify-email", "Have a mail sent that proves an address.")
        .takes("Address")
        .may(&[403, 429]),
    post(
        "/api/v1/users/registrations/ask-send-verify-email",
        "The same for who asks for an account.",
    )
    .takes("Address")
    .may(&[403, 429]),
    post("/api/v1/users/{id}/verify-email", "Prove an address by what the mail says.")
        .takes("Proof")
        .may(&[403, 409, 429]),
    post("/api/v1/users/registrations/{id}/verify-email", "The same for who asks for an account.")
        .takes("Proof")
        .may(&[403, 409, 429]),
    post("/api/v1/users/ask-reset-password", "Have a mail sent that sets another password.")
        .takes("Address")
        .may(&[403, 429]),
    post("/api/v1/users/{id}/reset-password", "Set another password by what the mail says.")
        .takes("Reset")
        .may(&[403, 429, 503]),
    post("/api/v1/users/{id}/two-factor/request", "Begin to set up codes from a telephone.")
        .by(Who::User)
        .takes("Confirmation")
        .gives("Otp")
        .may(&[429, 503]),
    post("/api/v1/users/{id}/two-factor/confirm-request", "From now on each login needs a code.")
        .by(Who::User)
        .takes("OtpConfirmation")
        .may(&[429]),
    post("/api/v1/users/{id}/two-factor/disable", "Logins need no code any more.")
        .by(Who::User)
        .takes("Confirmation")
        .may(&[429, 503]),
    get("/api/v1/users/{id}/exports", "What one takes along.", "Exports").by(Who::User),
    post("/api/v1/users/{id}/exports/request", "Have a file made of all that is one's own.")
        .by(Who::User)
        .takes("ExportRequest")
        .gives("ExportMade")
        .may(&[429]),
    delete("/api/v1/users/{id}/exports/{export}", "Delete that file.").by(Who::User),
];

/// Lists.
const VIDEOS: &[Operation] = &[
    get("/api/v1/videos", "Public videos.", "VideoList").query(LIST),
    get("/api/v1/videos/categories", "What videos may be about.", "Labels"),
    get("/api/v1/videos/licences", "What others may do with videos.", "Labels"),
    get("/api/v1/videos/languages", "What is spoken in videos.", "Labels"),
    get("/api/v1/videos/privacies", "Who may see videos.", "Labels"),
    get("/api/v1/search/videos", "Public videos in which words are found.", "VideoList")
        .query(SEARCH),
    get("/api/v1/search/video-channels", "Channels in which words are found.", "ChannelList")
        .query(&["search", "start", "count"]),
    get("/api/v1/overviews/videos", "The newest of what there is most of.", "Overview")
        .query(&["page"]),
];

/// One video.
const OF_A_VIDEO: &[Operation] = &[
    get("/api/v1/videos/{key}", "A video.", "Video").may(LOCKED),
    put("/api/v1/videos/{key}", "Change what is said of a video, and who may see it.")
        .by(Who::User)
        .takes_as(ANY_FORM, "VideoChange")
        .may(&[503]),
    delete("/api/v1/videos/{key}", "Delete a video.").by(Who::User),
    get("/api/v1/videos/{key}/description", "Its whole description.", "Description").may(LOCKED),
    get("/api/v1/videos/{key}/captions", "Its captions.", "CaptionList").may(LOCKED),
    put("/api/v1/videos/{key}/captions/{language}", "Set captions of a language: WebVTT or SRT.")
        .by(Who::User)
        .takes_as(FORM, "CaptionFile")
        .may(&[409]),
    delete("/api/v1/videos/{key}/captions/{language}", "Remove captions.")
        .by(Who::User)
        .may(&[400]),
    get("/api/v1/videos/{key}/chapters", "Its chapters.", "Chapters").may(LOCKED),
    get("/api/v1/videos/{key}/storyboards", "Previews for the seek bar.", "Storyboards")
        .may(LOCKED),
    get("/api/v1/videos/{key}/passwords", "What opens it.", "Passwords").by(Who::User),
    put("/api/v1/videos/{key}/rate", "Like it, or don't.").by(Who::User).takes("Rate"),
    get("/api/v1/users/me/videos/{key}/rating", "Whether who asks likes it.", "Rating")
        .by(Who::User),
    post("/api/v1/videos/{key}/views", "Say that it is watched, and where.")
        .takes("View")
        .may(LOCKED),
    put("/api/v1/videos/{key}/views", "The same.").takes("View").may(LOCKED),
    get("/api/v1/videos/{uuid}/source", "The file that it was made of.", "Source").by(Who::User),
    get(
        "/api/shoal/v1/videos/{uuid}/progress",
        "How far it is on its way to be published.",
        "Progress",
    )
    .by(Who::User),
    post("/api/shoal/v1/videos/{uuid}/retry", "Try again to make it, if that failed.")
        .by(Who::User)
        .may(&[409]),
    put("/api/shoal/v1/videos/{key}/thumbnail", "Set its picture: a file, or a frame of it.")
        .by(Who::User)
        .takes_as(&["multipart/form-data", "application/json"], "ThumbnailFile")
        .may(&[503]),
    delete("/api/shoal/v1/videos/{key}/thumbnail", "Give it back the picture of its import.")
        .by(Who::User),
];

/// What is said below videos.
const COMMENTS: &[Operation] = &[
    get(
        "/api/v1/videos/{key}/comment-threads",
        "Comments: the first of each thread.",
        "CommentThreads",
    )
    .query(&["start", "count", "thread_sort"])
    .may(LOCKED),
    post("/api/v1/videos/{key}/comment-threads", "Say something below a video.")
        .by(Who::User)
        .takes("CommentText")
        .gives("CommentMade")
        .may(&[409, 429]),
    get(
        "/api/v1/videos/{key}/comment-threads/{id}",
        "A thread with its answers, at most 1,000; start passes over some.",
        "CommentTree",
    )
    .query(&["start"])
    .may(LOCKED),
    post("/api/v1/videos/{key}/comments/{id}", "Answer a comment.")
        .by(Who::User)
        .takes("CommentText")
        .gives("CommentMade")
        .may(&[409, 429]),
    put(
        "/api/shoal/v1/videos/{key}/comments/{id}",
        "Say something else in a comment of one's own.",
    )
    .by(Who::User)
    .takes("CommentText")
    .gives("CommentMade")
    .may(&[429]),
    delete("/api/v1/videos/{key}/comments/{id}", "Delete a comment.").by(Who::User).may(&[429]),
    post("/api/v1/videos/{key}/comments/{id}/approve", "Show a comment that waits for it.")
        .by(Who::User)
        .may(&[400, 409, 429]),
    post("/api/v1/abuses", "Report a video, a comment or an account.")
        .by(Who::User)
        .takes_as(JSON, "Reporting")
        .gives("ReportMade")
        .may(&[404, 429]),
    get("/api/v1/abuses", "What is reported.", "ReportList").by(Who::Moderator).query(&[
        "start",
        "count",
        "report_state",
    ]),
    put("/api/v1/abuses/{id}", "Say what was decided about a report.")
        .by(Who::Moderator)
        .takes_as(JSON, "ReportDecision"),
    delete("/api/v1/abuses/{id}", "Forget a report.").by(Who::Moderator),
    get("/api/v1/videos/comments", "Comments of all videos.", "CommentList")
        .by(Who::Moderator)
        .query(COMMENT_LIST),
    get("/api/v1/users/me/videos/comments", "Comments of one's own videos.", "CommentList")
        .by(Who::User)
        .query(COMMENT_LIST),
];

/// Files on their way in.
const UPLOADS: &[Operation] = &[
    post("/api/v1/videos/upload", "Send a file and what is said of it in one form.")
        .by(Who::User)
        .takes_as(FORM, "UploadForm")
        .gives("Uploaded")
        .may(&[404, 503, 507]),
    parts(
        "post",
        "/api/v1/videos/upload-resumable",
        "Begin an upload in parts; X-Upload-Content-Length says how long it is.",
        &[201],
    )
    .takes_as(JSON, "UploadBeginning"),
    parts(
        "put",
        "/api/v1/videos/upload-resumable",
        "Send the part that Content-Range says, or ask how far it is.",
        &[200, 308],
    )
    .query(UPLOAD)
    .takes_as(BYTES, "Bytes"),
    operation("delete", "/api/v1/videos/upload-resumable", "Give an upload up.")
        .by(Who::User)
        .query(UPLOAD)
        .may(&[404]),
    parts(
        "post",
        "/api/v1/videos/{uuid}/source/replace-resumable",
        "The same for another file of a video.",
        &[201],
    )
    .takes_as(JSON, "UploadBeginning"),
    parts(
        "put",
        "/api/v1/videos/{uuid}/source/replace-resumable",
        "The same for another file of a video.",
        &[200, 308],
    )
    .query(UPLOAD)
    .takes_as(BYTES, "Bytes"),
    operation("delete", "/api/v1/videos/{uuid}/source/replace-resumable", "Give it up.")
        .by(Who::User)
        .query(UPLOAD),
];

/// Files that are fetched.
const IMPORTS: &[Operation] = &[
    post("/api/v1/videos/imports", "Have a video fetched from an address.")
        .by(Who::User)
        .takes_as(ANY_FORM, "ImportBeginning")
        .gives("Import")
        .may(&[409, 503]),
    get("/api/v1/users/me/videos/imports", "One's own imports.", "ImportList")
        .by(Who::User)
        .query(PAGE),
    delete("/api/v1/videos/imports/{id}", "Forget an import.").by(Who::User).may(&[409]),
    post("/api/v1/videos/imports/{id}/cancel", "Stop an import.").by(Who::User).may(&[409]),
    post("/api/v1/videos/imports/{id}/retry", "Try an import again.").by(Who::User).may(&[409]),
];

/// Of accounts and channels: JPEG, PNG or WebP.
const PICTURES: &[Operation] = &[
    post("/api/v1/users/me/avatar/pick", "Set one's own picture.")
        .by(Who::User)
        .takes_as(FORM, "AvatarFile")
        .gives("Avatars")
        .may(&[503]),
    delete("/api/v1/users/me/avatar", "Take it away.").by(Who::User),
    post("/api/v1/video-channels/{handle}/avatar/pick", "Set a channel's picture.")
        .by(Who::User)
        .takes_as(FORM, "AvatarFile")
        .gives("Avatars")
        .may(&[503]),
    delete("/api/v1/video-channels/{handle}/avatar", "Take it away.").by(Who::User),
    post("/api/v1/video-channels/{handle}/banner/pick", "Set a channel's wide picture.")
        .by(Who::User)
        .takes_as(FORM, "BannerFile")
        .gives("Banners")
        .may(&[503]),
    delete("/api/v1/video-channels/{handle}/banner", "Take it away.").by(Who::User),
];

/// Where videos are published, and by whom.
const CHANNELS: &[Operation] = &[
    get("/api/v1/video-channels", "All channels.", "ChannelList").query(PAGE),
    post("/api/v1/video-channels", "Make a channel.")
        .by(Who::User)
        .takes("ChannelNew")
        .gives("ChannelMade")
        .may(&[409]),
    get("/api/v1/video-channels/{handle}", "A channel.", "Channel"),
    put("/api/v1/video-channels/{handle}", "Change what is said of a channel.")
        .by(Who::User)
        .takes("ChannelChange"),
    delete("/api/v1/video-channels/{handle}", "Delete a channel with all its videos.")
        .by(Who::User)
        .may(&[409]),
    get("/api/v1/video-channels/{handle}/videos", "A channel's public videos.", "VideoList")
        .query(LIST),
    get(
        "/api/v1/video-channels/{handle}/video-playlists",
        "A channel's playlists: none yet.",
        "NoList",
    )
    .query(PAGE),
    get(
        "/api/v1/video-channels/{handle}/followers",
        "Who follows it from other servers: nobody yet.",
        "NoList",
    )
    .query(PAGE),
    get("/api/v1/accounts", "All accounts.", "AccountList").query(PAGE),
    get("/api/v1/accounts/{name}", "An account.", "Account"),
    get("/api/v1/accounts/{name}/videos", "An account's public videos.", "VideoList").query(LIST),
    get("/api/v1/accounts/{name}/video-channels", "An account's channels.", "ChannelList"),
    get("/api/v1/accounts/{name}/video-playlists", "An account's playlists: none yet.", "NoList")
        .query(PAGE),
    get(
        "/api/v1/accounts/{name}/followers",
        "Who follows it from other servers: nobody yet.",
        "NoList",
    )
    .query(PAGE),
    get(
        "/api/shoal/v1/video-channels/{handle}/collaborators",
        "Who else works in a channel.",
        "Collaborators",
    )
    .by(Who::User),
    put(
        "/api/shoal/v1/video-channels/{handle}/collaborators/{name}",
        "Ask somebody to work in it.",
    )
    .by(Who::User)
    .takes("CollaboratorRole")
    .may(&[409]),
    delete(
        "/api/shoal/v1/video-channels/{handle}/collaborators/{name}",
        "End that, from either side.",
    )
    .by(Who::User),
    post("/api/shoal/v1/video-channels/{handle}/collaborators/{name}/accept", "Say yes.")
        .by(Who::User),
];

/// What is one's own.
const MINE: &[Operation] = &[
    get("/api/v1/users/me/videos", "One's own videos, in whatever state.", "OwnVideoList")
        .by(Who::User)
        .query(&["start", "count", "sort", "channelId"]),
    get("/api/v1/users/me/video-quota-used", "Bytes that one uploaded.", "QuotaUsed").by(Who::User),
    get("/api/v1/users/me/subscriptions", "Channels that one subscribed to.", "ChannelList")
        .by(Who::User)
        .query(PAGE),
    post("/api/v1/users/me/subscriptions", "Subscribe to a channel.")
        .by(Who::User)
        .takes("Subscribing")
        .may(&[404, 409]),
    get("/api/v1/users/me/subscriptions/videos", "Videos of these channels.", "VideoList")
        .by(Who::User)
        .query(LIST),
    get(
        "/api/v1/users/me/subscriptions/exist",
        "To which of some channels one subscribed.",
        "Which",
    )
    .by(Who::User)
    .query(&["uris"]),
    get("/api/v1/users/me/subscriptions/{handle}", "A channel that one subscribed to.", "Channel")
        .by(Who::User),
    delete("/api/v1/users/me/subscriptions/{handle}", "End a subscription.").by(Who::User),
    get("/api/v1/users/me/history/videos", "What one watched.", "VideoList")
        .by(Who::User)
        .query(PAGE),
    post("/api/v1/users/me/history/videos/remove", "Forget what one watched.")
        .by(Who::User)
        .takes("Forgetting"),
    delete("/api/v1/users/me/history/videos/{id}", "Forget one video.").by(Who::User),
    get("/api/v1/users/me/notifications", "What one is told of.", "NotificationList")
        .by(Who::User)
        .query(&["start", "count", "unread"]),
    post("/api/v1/users/me/notifications/read", "Say that one has read some.")
        .by(Who::User)
        .takes("NotificationsRead"),
    post("/api/v1/users/me/notifications/read-all", "Say that one has read all.").by(Who::User),
];

/// Whom moderators look after.
const USERS: &[Operation] = &[
    get("/api/v1/users", "All users.", "UserList").by(Who::Moderator).query(PAGE),
    post("/api/v1/users", "Make a user.")
        .by(Who::Moderator)
        .takes("UserNew")
        .gives("UserMade")
        .may(&[409, 503]),
    get("/api/v1/users/{id}", "A user.", "User").by(Who::Moderator),
    put("/api/v1/users/{id}", "Change a user.")
        .by(Who::Moderator)
        .takes("UserChange")
        .may(&[409, 503]),
    delete("/api/v1/users/{id}", "Delete a user with all that is theirs.").by(Who::Moderator),
    post("/api/v1/users/{id}/block", "Keep a user out.").by(Who::Moderator).takes("Blocking"),
    post("/api/v1/users/{id}/unblock", "Let a user in again.").by(Who::Moderator),
    get("/api/v1/jobs", "What is worked on.", "JobList").by(Who::Administrator).query(PAGE),
    get("/api/v1/jobs/{state}", "The same, of one state.", "JobList")
        .by(Who::Administrator)
        .query(PAGE),
];

/// Other servers.
const SERVERS: &[Operation] = &[
    get(
        "/api/v1/server/followers",
        "Servers that follow this one; for moderators also people, and who waits for an answer.",
        "FollowList",
    )
    .query(FOLLOWS),
    delete("/api/v1/server/followers/{actor}", "Have somebody follow no longer.")
        .by(Who::Administrator)
        .may(&[409]),
    post("/api/v1/server/followers/{actor}/accept", "Let somebody follow.")
        .by(Who::Administrator)
        .may(&[409]),
    post("/api/v1/server/followers/{actor}/reject", "Don't let somebody follow.")
        .by(Who::Administrator)
        .may(&[409]),
    get(
        "/api/v1/server/following",
        "Whom this server follows; for moderators also who has yet to answer, or said no.",
        "FollowList",
    )
    .query(FOLLOWS),
    post("/api/v1/server/following", "Follow servers, people and channels.")
        .by(Who::Administrator)
        .takes("Followed")
        .may(&[409]),
    delete("/api/v1/server/following/{actor}", "Follow somebody no longer.")
        .by(Who::Administrator)
        .may(&[409]),
    get("/api/v1/server/blocklist/servers", "Servers that are blocked.", "BlockedServers")
        .by(Who::Moderator)
        .query(PAGE),
    post("/api/v1/server/blocklist/servers", "Block a server.")
        .by(Who::Moderator)
        .takes("ServerBlock"),
    delete("/api/v1/server/blocklist/servers/{host}", "Take that back.").by(Who::Moderator),
    get(
        "/api/v1/server/blocklist/accounts",
        "People elsewhere who are blocked.",
        "BlockedAccounts",
    )
    .by(Who::Moderator)
    .query(PAGE),
    post("/api/v1/server/blocklist/accounts", "Block somebody elsewhere.")
        .by(Who::Moderator)
        .takes("AccountBlock"),
    delete("/api/v1/server/blocklist/accounts/{actor}", "Take that back.").by(Who::Moderator),
];

/// What the house is like.
const HOUSE: &[Operation] = &[
    get("/api/v1/config", "What the instance can do.", "Config"),
    get("/api/v1/config/about", "What it says of itself.", "About"),
    get("/api/v1/server/stats", "It in numbers, counted once a minute.", "Stats"),
    get("/api/v1/video-playlists", "Playlists: none yet.", "NoList").query(PAGE),
    get("/api/shoal/v1/openapi.json", "This description.", "Any"),
];

const fn parts(
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    statuses: &'static [u16],
) -> Operation {
    let operation = operation(method, path, summary).by(Who::User);
    Operation { answer: Answer::Upload(statuses, "Uploaded"), ..operation }
        .may(&[404, 409, 429, 503, 507])
}

const PAGE: &[&str] = &["start", "count"];

const COMMENT_LIST: &[&str] = &["start", "count", "videoId", "isHeldForReview", "isLocal"];

const LIST: &[&str] = &[
    "start",
    "count",
    "sort",
    "categoryOneOf",
    "licenceOneOf",
    "languageOneOf",
    "tagsOneOf",
    "tagsAllOf",
    "nsfw",
    "isLocal",
    "startDate",
    "endDate",
    "durationMin",
    "durationMax",
    "skipCount",
];

const SEARCH: &[&str] = &[
    "search",
    "start",
    "count",
    "match",
    "categoryOneOf",
    "licenceOneOf",
    "languageOneOf",
    "tagsOneOf",
    "tagsAllOf",
    "nsfw",
    "isLocal",
    "startDate",
    "endDate",
    "durationMin",
    "durationMax",
];

/// What a list of follows is narrowed by.
const FOLLOWS: &[&str] = &["start", "count", "follow_state", "actorType", "search", "follow_sort"];

/// Fields in whichever form, with files that nobody asked for.
const ANY_FORM: &[&str] =
    &["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

const UPLOAD: &[&str] = &["upload_id"];

const BYTES: &[&str] = &["application/octet-stream"];

/// A video that a password opens, which wasn't told or is wrong, and that was tried too often.
const LOCKED: &[u16] = &[403, 429];
