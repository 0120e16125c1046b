# What pages say, in English. Short sentences, said to the person who reads.

# Around every page
skip = Skip to content
ways = Main
admin = Requests
log-in = Log in
log-out = Log out
register = Create an account
footer = Served by Shoal, free software. No tracking, no ads.
language = Language

# Lists
videos = Videos
empty-title = The shelf is empty
empty-how = Put the first video on it from a terminal on this server:
empty-then = It appears here as soon as its smallest size is ready, with the same --data folder as this server.
making = more sizes on the way
pages = Pages
newer = Newer
older = Older
age-now = just now
age-minute = { $count ->
    [one] 1 minute ago
   *[other] { $count } minutes ago
}
age-hour = { $count ->
    [one] 1 hour ago
   *[other] { $count } hours ago
}
age-day = { $count ->
    [one] 1 day ago
   *[other] { $count } days ago
}
age-week = { $count ->
    [one] 1 week ago
   *[other] { $count } weeks ago
}
age-month = { $count ->
    [one] 1 month ago
   *[other] { $count } months ago
}
age-year = { $count ->
    [one] 1 year ago
   *[other] { $count } years ago
}

# One video
share-title = Show it on your page
share-how = Paste this where the video should be:
copy = Copy
copied = Copied
copy-by-hand = Press Ctrl+C to copy
source-title = Where it comes from
source-off = This video is kept on { $name } and is sent from there, by nobody else.
source-receive = This video is kept on { $name }. The player here takes parts of it from other people who watch it, and gives none, unless that is turned off in the player.
source-full = This video is kept on { $name }. People watching it send parts of it to each other, unless that is turned off in the player.
source-ask = This video is kept on { $name }. People watching it send parts of it to each other if they said yes to that in the player.
sizes = Sizes
quality = Quality
picture = Picture
file = File
other-players = For other players:

# Getting in
username = Username
username-hint = Small letters, digits and _; within it also . and -. Others see it, and it stays.
username-or-email = Username or e-mail address
display-name = Name
display-name-hint = What others see; you can change it.
email = E-mail address
email-hint = Nobody else sees it.
password = Password
password-hint = At least 8 characters.
reason = Why do you want an account here?
reason-hint = A moderator reads it.
no-account = No account yet?
register-closed = This site gives out no accounts by itself. Ask who runs it.
register-approval = A moderator decides about new accounts here.
register-waiting = Your request is with the moderators. You can log in as soon as one of them has said yes.
register-done = Your account is there. Log in with it.

# Settings
settings = Settings
settings-profile = You
settings-username = You log in as { $name }.
settings-access = Password and address
about-you = About you
markdown-hint = Markdown works: **bold**, [a link](https://example.org).
choose-sharing = My player may share videos with other viewers, who then see my IP address
choose-history = Remember what I watch, so that I can go on where I left off
choose-autoplay = Start videos by themselves
choose-sensitive = Sensitive videos
sensitive-hidden = are not in lists
sensitive-blurred = have a blurred picture
sensitive-shown = are like others
new-password = New password
new-password-hint = Leave it empty to keep the old one. A new one ends all your other sessions.
current-password = Your password now
save = Save
saved = Saved.
sessions = Where you are logged in
sessions-about = Each line is a browser or a program. End those that you don't know, and choose a new password.
session-this = this browser
farewell = Leave for good
farewell-about = Your account, your channels and all their videos are gone then, for everybody, and your names may be taken by others.
farewell-do = Delete my account
session-end = End

# Keeping order
registrations = Requests for an account
registrations-none = Nobody waits.
registration-answer = Answer, if you want to give one
accept = Accept
reject = Refuse

# What went wrong
missing-title = Nothing here
missing-heading = Nothing at this address
missing-text = The video may have been taken away, or the address has a slip in it.
missing-way = See what is here
refusal-title = That can't be done
error-fields = Something needs another look: see below.
error-credentials = Username or password are wrong.
error-blocked = This account is blocked.
error-waiting = A moderator has yet to decide about your account.
error-refused = A moderator decided against this account.
error-password = Your password now is wrong.
error-taken = Somebody has this username or e-mail address already.
error-too-many = Too many attempts. Try again in { $count } seconds.
error-forbidden = You may not do this.
error-another-site = This came from a page of another site, which may not act in your name.
error-not-found = That isn't there, or no longer.
error-conflict = Somebody was quicker: things have changed. Look again.
error-held-above = What this comment answers waits for approval, too. Approve that first.
error-busy = Too many people at once. Try again in a moment.
error-body = What came of the form can't be read. Try again.
error-ours = Something is wrong on our side. It isn't you.
field-missing = Fill this in.
field-short = At least { $count } characters.
field-long = At most { $count } characters.
field-name = Small letters, digits and _; within it also . and -.
field-reserved = This name is kept for the site itself.
field-email = This is no e-mail address.
field-control = There are characters in it that nobody can see.
field-choice = Choose one of those offered.
field-above = At most { $count }.
field-many = At most { $count } of them.

# Finding
search = Search
search-title = Videos about “{ $name }”
search-nothing = Nothing was found. Other words may help.
search-log-in = This names something on another server. Log in, and it is looked for there.
search-wait = You have looked for a lot on other servers. Try again in { $count } seconds.
order = Order
order-match = What matches best comes first: names, then descriptions; of the same, the newest.
order-published = The newest comes first.
order-published-ascending = The oldest comes first.
order-created = What was uploaded last comes first.
order-created-ascending = What was uploaded first comes first.
order-originally-published = What was made last comes first.
order-originally-published-ascending = What was made first comes first.
order-views = What was watched most often comes first.
order-views-ascending = What was watched least often comes first.
order-trending = What was watched most often in the last seven days comes first.
order-trending-ascending = What was watched least often in the last seven days comes first.
order-likes = What most people like comes first.
order-likes-ascending = What fewest people like comes first.
order-duration = The longest comes first.
order-duration-ascending = The shortest comes first.
order-name = From Z to A.
order-name-ascending = From A to Z.
tab-newest = Newest
tab-trending = This week
tab-views = Most watched
tab-likes = Most liked
views = { $count ->
    [one] 1 view
   *[other] { $count } views
}
likes = { $count ->
    [one] 1 like
   *[other] { $count } likes
}
subscribers = { $count ->
    [one] 1 subscriber
   *[other] { $count } subscribers
}
seen = Watched
privacy = Who may see it
privacy-public = Everybody
privacy-unlisted = Whoever has the address
privacy-private = Only you and your channel’s people
privacy-internal = Who has an account here
privacy-password = Who knows a password
state-making = being made
state-failed = failed
channel-empty = Nothing is here yet.
subscribe = Subscribe
unsubscribe = Unsubscribe
dislike = Dislike
disliked = Disliked
chapters = Chapters
support = How to support it
support-hint = Shown with the video: where people can give something.
not-ready = This video isn’t ready yet. Its owner sees how far it is.
locked = A password opens this video
locked-wrong = That isn’t the password.
unlock = Open

# What is yours
library = Library
my-videos = My videos
my-videos-none = You have published nothing yet.
my-channels = My channels
subscriptions = Subscriptions
history = History
history-on = What you watch is remembered here, for you alone.
history-off = What you watch isn’t remembered.
history-forget = Forget all of it
library-empty = Nothing is here yet.
quota-used = { $used } uploaded
quota-of = { $used } of { $most } uploaded
watch = Watch
edit = Change
upload = Upload
upload-about = The file goes up in parts. If the connection breaks, it goes on by itself; if you close this page, choose the same file again.
upload-needs-script = Uploading from this page needs scripts. A program can do it without: see the API.
upload-pause = Pause
upload-waiting = The connection is lost. It goes on as soon as it is back.
upload-resumed = Going on where it stopped.
upload-done = All is there. Now it is made ready.
upload-refused = It could not be uploaded:
uploading = Uploading:
title = Title
channel = Channel
handle = Handle
channel-new = One more channel
channel-make = Make the channel
description = Description
description-hint = Markdown works. Lines such as 0:00 Beginning, three or more, become chapters.
tags = Tags
tags-hint = Up to five, with commas between them.
category = Category
licence = Licence
spoken = Language
sensitive = Not for everybody: violence, nudity or the like
download-enabled = Everybody may have the file
wait-transcoding = Publish it only when all sizes are made
video-password = Password
video-password-hint = For “who knows a password”: one in each line. Leave it empty to keep the old ones.
comments = Comments
comments-all = Everybody may comment
comments-none = Nobody may comment
comments-approval = After you have read them
schedule = Make it public by itself at
schedule-hint = UTC. Empty is never.
stage = Stage
stage-queued = It waits for its turn.
stage-probing = The file is being looked at.
stage-transcoding = Sizes are being made.
stage-published = All sizes are made.
stage-failed = It could not be made:
stage-progress = Progress
retry = Try again
delete = Take it away
delete-about = The video and its file are gone then, for everybody.
delete-video = Delete this video
delete-channel-about = The channel and all its videos are gone then, for everybody.
delete-channel = Delete this channel

# Who is here, and what the machine does
users = Users
jobs = Jobs and disk
jobs-none = There is no work, and there was none lately.
disk = { $used } of { $most } on the disk are free.
role = Role
role-administrator = Administrator
role-moderator = Moderator
role-user = User
used = Uploaded
last-login = Last login
never = never
attempts = Attempts
block = Keep out
unblock = Let in again
blocked = Kept out
block-reason = Reason

# Pictures of accounts and channels
picture-hint = JPEG, PNG or WebP, up to 4 MB. It is cut to a square.
picture-now = The picture as it is now
picture-file = File
picture-set = Use this picture
picture-remove = Take the picture away
picture-refused = This picture cannot be used. It must be a JPEG, PNG or WebP of up to 4 MB and 40 megapixels.
banner = Wide picture
banner-hint = Above the channel’s page. It is cut to six times as wide as it is high.

# Videos from an address
import = Or from an address
import-about = The video is fetched from there in the background; you may close this page.
import-url = Address of the file
import-url-hint = It begins with https:// and is the video file itself, not a page that shows it.
import-name-hint = Empty: as the file is called.
import-do = Fetch it
imports = On their way here
import-waiting = waits
import-fetching = is being fetched
import-cancelled = stopped
import-failed = could not be fetched
import-cancel = Stop
import-forget = Forget it

# What the instance says of itself
about = About this site
about-facts = In short
about-rules = House rules
about-terms = Terms of use
about-moderation = How order is kept
about-administrator = Who runs it
about-reason = Why it is there
about-lifetime = For how long
about-business = Who pays for it
about-hardware = What it runs on
about-sensitive = Most of what is here is sensitive.
about-languages = Spoken here: { $name }
about-categories = Mostly about: { $name }
about-closed = Accounts are given by whoever runs it.
about-open = Everybody may have an account.
about-approval = Whoever asks for an account is let in by a moderator.
about-contact = Contact: { $name }
about-programs = For programs: the description of the API (OpenAPI)

# Mail, codes and taking along
forgotten = Forgotten your password?
forgotten-about = We send a link to your e-mail address, by which you set another one.
forgotten-sent = If somebody here has this address, a mail is on its way. Its link is good for an hour.
send-mail = Send the mail
reset = Set another password
reset-done = Your new password is set, and all your sessions have ended. Log in with it.
verify = Is this your address?
verify-about = One click says that you read what is sent to this address.
verify-do = Yes, it is mine
verify-done = Thank you. Your address is confirmed.
verify-again = Have the mail sent again
verify-again-about = The link that confirms your address is good for a day. Here you get another.
verify-sent = If somebody here has yet to confirm this address, a mail is on its way.
register-verify = A mail with a link is on its way to you. Follow it, so that we know that the address is yours.
email-pending = { $name } becomes your address as soon as you follow the link that was sent to it.
code = Code
code-about = Your password is right. Now the six digits that your telephone shows.
code-lost = If you have lost the telephone, ask who runs this site.
settings-more = Safety, and what is yours
state-on = on
state-off = off
two-factor = Login with a code
two-factor-off = A program on your telephone makes a new code each half minute, and nobody gets in without it, even with your password.
two-factor-on = Each login needs a code from your telephone.
two-factor-begin = Set it up
two-factor-scan = Read this picture with a program for codes on your telephone.
two-factor-picture = QR code with the secret below
two-factor-type = Or type this secret into it:
two-factor-confirm = Turn it on
two-factor-disable = Turn it off
export = Take along what is yours
export-about = Your account, channels, videos’ descriptions, captions, history, likes and subscriptions, in one ZIP file that programs can read.
export-files = The video files, too
export-begin = Make the file
export-waiting = It waits for its turn.
export-running = It is being made.
export-done = It is ready.
export-failed = It could not be made. Delete it, and try again without the video files or later.
export-fetch = Download it ({ $name })
export-until = It is here until { $name }.
export-look = Look again
export-delete = Delete it
mail-greeting = Hello { $name },
mail-verify-subject = Confirm your address for { $name }
mail-verify-how = follow this link, so that we know that this address is yours: { $link }
mail-not-you = If you don’t know what this is about, somebody has mistyped their address. Do nothing, then.
mail-reset-subject = Your password for { $name }
mail-reset-how = somebody, probably you, has forgotten a password. This link sets another one within an hour: { $link }
mail-reset-not-you = If it wasn’t you, do nothing: your password stays as it is.
mail-accepted-subject = Your account at { $name }
mail-accepted-how = a moderator has said yes to your account. Log in here: { $link }
mail-refused-subject = Your request at { $name }
mail-refused-how = a moderator has decided against an account for you.
error-unverified = Follow the link in our mail first: it confirms that the address is yours.
error-code = That isn’t the code, or it was used already. Wait for the next one.
error-ticket = This is too old or was used already. Begin again.
error-no-mail = This site sends no mail. Ask who runs it.

talk-title = { $count ->
    [0] No comments yet
    [one] 1 comment
   *[other] { $count } comments
}
talk-more = { $count ->
    [one] 1 more answer
   *[other] { $count } more answers
}
talk-closed = Nobody may comment on this video.
talk-all = All comments
talk-waiting = Those that wait for approval
talk-mine = Below my videos
talk-said = What I said
talk-none = Nothing has been said yet.
comment-say = Say something
comment-send = Send
comment-log-in = Log in to comment
comment-logged-out = You are no longer logged in. Log in beside this page, and then send it again.
comment-answer = Answer
comment-your-answer = Your answer
comment-approve = Approve
comment-delete = Delete
comment-delete-what = Delete this comment
comment-owner = whose video it is
comment-deleted = This comment was deleted.
comment-hidden = This comment isn’t shown.
hidden-video = a video that isn’t shown to you
comment-edited = edited
comment-held = waits for approval
comment-refused = not shown to others
my-comments = Comments
admin-comments = Comments

# Other servers
federation = Other servers
federation-off = This site meets no other servers: that is off, or its public address is none that they could reach.
following = This site follows { $count }
following-caption = Whom this site follows
follow = Follow
follow-whom = Follow a server, a channel or somebody (tube.example, name@tube.example, or an address)
follow-nobody = Nobody was found there who can be followed.
follow-off = This site meets no other servers.
follow-blocked = That server, or that account, is blocked here.
follow-away = That server can’t be reached just now, or there is none of that name.
follow-asked = waits for an answer
follow-given = accepted
follow-refused = refused
follows-whom = wants to follow { $name }
unfollow = Follow no longer
unfollow-whom = Follow { $name } no longer
accept-whom = Accept { $name }
reject-whom = Refuse { $name }
followers = { $count } follow what is here
followers-caption = Who follows what is here
backfills = What is known of their videos
backfill = { $count } known
backfill-of = { $used } of { $most } known
queues = What is still to be delivered
queues-none = Nothing waits.
queue-waiting = { $count } to deliver
queue-given-up = { $count } given up
queue-failures = { $count ->
    [one] Failed once
   *[other] Failed { $count } times in a row
}
next-try = { $count ->
    [one] next try within a minute
   *[other] next try in { $count } minutes
}
retry-now = Try now
retry-whom = Deliver to { $name } now
forget = Forget
forget-whom = Forget what was given up for { $name }
blocks = Blocked servers and people
block-whom = Server, or name@server
block-nobody = Nothing was blocked: write a server's name, or name@server.
block-them = Block
unblock-them = Block no longer
unblock-whom = Block { $name } no longer
instances = Other sites
instances-about = Sites that this one meets, and what each says of itself.
instances-none = None so far.
instances-open = takes new people
instances-closed = takes nobody new
previous = Previous
next = Next

notices = Notifications
notices-none = Nothing has happened yet.
notices-read = I have read all of these
notices-unread = { $count ->
    [one] 1 new
   *[other] { $count } new
}
notice-comment = { $name } commented on
notice-mention = { $name } spoke to you below
notice-follow = { $name } follows { $what }
notice-new = new
reports = Reports
reports-open = Those that are open
reports-all = All reports
reports-none = Nothing is reported.
report-open = open
report-refused = refused
report-accepted = accepted
report-said = What was said:
report-note = Note for those who keep order
report-accept = Accept
report-refuse = Refuse
report-reopen = Open again
report-link = Report
report-title = Report
report-comment = You report a comment to those who keep order here.
report-video = You report a video to those who keep order here.
report-back = Back to the video
report-reason = What is wrong with it?
report-forward = Tell the moderators of { $name }, too, without my name
report-send = Send
report-done = Thank you. Somebody will look at it.

elsewhere-page = The same at { $name }
elsewhere-actor = Page at its own server
tab-here = Only from here
follow-from-elsewhere = Follow from another server
follow-your-handle = Your handle there
follow-go = Go there
follow-there = Go on at your own server:
follow-unknown = That server doesn’t say where to go on. Is the handle right? It looks like you@example.org.
follow-no-handle = That is no handle of another server. It looks like you@example.org.
follow-back = Back to the channel
comment-edit = Change
comment-your-words = What you say
comment-save = Save
