//! `/my/notifications`: what a visitor is told of.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::view::{CommentLine, Notice, NoticeLine};

use super::settings::visitor;
use super::shelf::page;
use super::talk::place_of;
use super::{PageError, Site, now_ms, see_other};
use crate::visit::Visit;

/// `/my/notifications`.
#[derive(Template)]
#[template(path = "notices.html")]
struct Notices<'a> {
    visit: &'a Visit<'a>,
    rows: Vec<Row>,
    newer: Option<u32>,
    older: Option<u32>,
}

struct Row {
    is_read: bool,
    age: String,
    /// What happened, in one sentence.
    sentence: String,
    /// Where it leads to; `None` if they don't see the video any more.
    href: Option<String>,
    is_elsewhere: bool,
    comment: Option<Box<CommentLine>>,
}

impl Site {
    pub(super) async fn show_notices(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let page = page(query);
        let start = (page - 1).saturating_mul(NOTICES);
        let found = self.sidecar.notices(visitor(visit)?, start, NOTICES).await?;
        let now_ms = now_ms();
        let page = Notices {
            visit,
            newer: (page > 1).then(|| page - 1),
            older: (u64::from(page) * u64::from(NOTICES) < found.total).then(|| page + 1),
            rows: found.entries.into_iter().map(|line| row(visit, line, now_ms)).collect(),
        };
        self.html(visit, StatusCode::OK, &page)
    }

    /// They know all of it.
    pub(super) async fn read_notices(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.sidecar.read_notices(visitor(visit)?).await?;
        Ok(see_other("/my/notifications"))
    }
}

fn row(visit: &Visit<'_>, line: NoticeLine, now_ms: u64) -> Row {
    let (key, comment) = match line.what {
        Notice::Commented(comment) => ("notice-comment", comment),
        Notice::Named(comment) => ("notice-mention", comment),
        Notice::Follows { follower, href, what } => {
            return Row {
                is_read: line.is_read,
                age: age(visit, line.created_at_ms, now_ms),
                sentence: visit.language.tell_two(
                    "notice-follow",
                    ("name", follower),
                    ("what", what),
                ),
                href: Some(href),
                is_elsewhere: true,
                comment: None,
            };
        }
    };
    let author = comment.author.as_ref().map_or("·", |author| author.name.as_str());
    Row {
        is_read: line.is_read,
        age: age(visit, line.created_at_ms, now_ms),
        sentence: visit.name(key, author),
        href: (!comment.video_name.is_empty()).then(|| place_of(&comment)),
        is_elsewhere: false,
        comment: Some(comment),
    }
}

fn age(visit: &Visit<'_>, at_ms: i64, now_ms: u64) -> String {
    visit.age(u64::try_from(at_ms).unwrap_or_default(), now_ms)
}

/// As many as a page has.
const NOTICES: u32 = 30;
