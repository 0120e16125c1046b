//! Who is told of what: comments on one's videos, answers, mentions and followers.

use crate::federation::talk::handles;
use crate::table::comment::{self, Comment, CommentState};
use crate::table::notification::{self, NotificationKind};
use crate::table::video::{self, Privacy, Video};
use crate::table::{account, channel};
use crate::{Sidecar, now_ms};

impl Sidecar {
    /// Tells those here whom a comment concerns: whose video it is below, whom it answers, whom it names. The latter two once
    /// everybody sees it; nobody is told of their own.
    pub(crate) async fn notify_of_comment(&self, made: &Comment) -> sqlx::Result<()> {
        let mut told = Vec::new();
        let owner = account::by_id(&self.database, made.video_account_id).await?;
        told.extend(
            owner.and_then(|owner| owner.user_id).map(|user| (user, NotificationKind::Comment)),
        );
        if made.is(CommentState::Shown) {
            if let Some(parent) = made.parent_id {
                let parent = comment::by_id(&self.database, parent).await?;
                let user = parent.and_then(|parent| parent.author_user_id);
                told.extend(user.map(|user| (user, NotificationKind::Mention)));
            }
            // Who is named in a closed circle need not be in it.
            let video = video::by_id(&self.database, made.video_id).await?;
            if video.is_some_and(|video| is_open(&video)) {
                let named = self.users_named(made).await?.into_iter();
                told.extend(named.map(|user| (user, NotificationKind::Mention)));
            }
        }
        for (user, kind) in told {
            if Some(user) != made.author_user_id {
                notification::of_comment(&self.database, now_ms(), user, kind, made.id).await?;
            }
        }
        Ok(())
    }

    /// Tells who has it that somebody of elsewhere follows a channel or an account.
    pub(crate) async fn notify_of_follow(&self, actor: i64, target: i64) -> sqlx::Result<()> {
        let database = &self.database;
        let user = match channel::by_id(database, target).await? {
            Some(channel) => channel.user_id,
            None => account::by_id(database, target).await?.and_then(|account| account.user_id),
        };
        match user {
            Some(user) => notification::of_follow(database, now_ms(), user, (actor, target)).await,
            None => Ok(()),
        }
    }

    /// Those here whom a comment's text names; one of elsewhere by our host, or by a link.
    async fn users_named(&self, made: &Comment) -> sqlx::Result<Vec<i64>> {
        let host = self.host();
        let is_meant = |there: &Option<String>| match there {
            Some(there) => there == host,
            None => made.is_ours(),
        };
        let named = handles(&made.text).into_iter();
        let mut names: Vec<String> =
            named.filter(|(_, there)| is_meant(there)).map(|(name, _)| name).collect();
        if !made.is_ours() {
            names.extend(self.linked(&made.text));
        }
        let mut users = Vec::new();
        for name in names {
            let found = account::by_name(&self.database, &name).await?;
            users.extend(found.and_then(|found| found.user_id));
        }
        Ok(users)
    }

    /// Names of accounts of ours to which cleaned HTML has links.
    fn linked(&self, html: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for page in ["/accounts/", "/a/"] {
            let before = format!("href=\"{}{page}", self.public_url);
            for rest in html.split(before.as_str()).skip(1) {
                let name = rest.split(['"', '/', '?', '#']).next().unwrap_or_default();
                let name = name.to_lowercase();
                if !names.contains(&name) && names.len() < NAMED {
                    names.push(name);
                }
            }
        }
        names
    }
}

/// Whether whoever has an account here may see it.
fn is_open(video: &Video) -> bool {
    let open = [Privacy::Public, Privacy::Unlisted, Privacy::Internal];
    Privacy::parse(video.privacy).is_some_and(|privacy| open.contains(&privacy))
}

/// People whom one comment tells of itself by naming them.
const NAMED: usize = 20;
