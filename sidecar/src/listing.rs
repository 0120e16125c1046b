//! What somebody wants to see of the catalogue: which videos, in which order, how many of them.

use crate::field::{FieldError, line};
use crate::limits::{CHOICES, LIST, START};
use crate::query::Query;
use crate::when;

/// A page of a list of public videos.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ListQuery {
    /// Whose.
    pub scope: Scope,
    /// Which of them.
    pub filters: Filters,
    /// In which order.
    pub order: Order,
    /// How many are passed over.
    pub start: u32,
    /// How many are wanted; at most 100 are given.
    pub count: u32,
}

/// Whose videos are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everybody's.
    #[default]
    All,
    /// Those of the channel with this id.
    Channel(i64),
    /// Those of the account with this id.
    Account(i64),
    /// Those of the channels to which the user with this id has subscribed.
    Subscriptions(i64),
}

/// What a listed video must be; all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filters {
    /// One of these, unless there are none.
    pub categories: Vec<i64>,
    /// One of these, unless there are none.
    pub licences: Vec<i64>,
    /// One of these codes, unless there are none; `_unknown` is a video that names no language.
    pub languages: Vec<String>,
    /// At least one of these, in lower case, unless there are none.
    pub tags_one_of: Vec<String>,
    /// Each of these, in lower case.
    pub tags_all_of: Vec<String>,
    /// Whether those not safe for work are among them.
    pub nsfw: Nsfw,
    /// Published here, or elsewhere; either if absent.
    pub is_local: Option<bool>,
    /// Published then or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Published then or earlier.
    pub until_ms: Option<i64>,
    /// As long as that or longer, in milliseconds.
    pub longer_ms: Option<i64>,
    /// As long as that or shorter.
    pub shorter_ms: Option<i64>,
}

/// What becomes of videos that aren't safe for work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Nsfw {
    /// What whoever asks has chosen; nobody in particular doesn't see them.
    #[default]
    AsWanted,
    /// They are listed among the others.
    With,
    /// They are not listed.
    Without,
    /// Only they are listed.
    Only,
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order {
    /// By what.
    pub key: Key,
    /// The most, the newest, the longest, the last of the alphabet first.
    pub is_descending: bool,
}

/// By what videos are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// When they became public.
    Published,
    /// When they were uploaded.
    Created,
    /// When they were published for the first time anywhere.
    Originally,
    /// Views so far.
    Views,
    /// Views of the last seven days.
    Trending,
    /// Likes.
    Likes,
    /// How long they are.
    Duration,
    /// The alphabet.
    Name,
}

impl Default for Order {
    fn default() -> Order {
        Order { key: Key::Published, is_descending: true }
    }
}

impl Order {
    /// Reads PeerTube's names, such as `-publishedAt`.
    pub fn parse(text: &str) -> Option<Order> {
        let (name, is_descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let found = KEYS.iter().find(|(known, _, _)| *known == name);
        found.map(|&(_, key, _)| Order { key, is_descending })
    }

    /// PeerTube's name for it.
    pub fn name(self) -> String {
        let name = KEYS.iter().find(|(_, key, _)| *key == self.key).map_or("", |found| found.0);
        format!("{}{name}", if self.is_descending { "-" } else { "" })
    }

    /// The key of the sentence that tells people about the order: `order-published`, `order-published-ascending`…
    pub fn sentence_key(self) -> String {
        let word = KEYS.iter().find(|(_, key, _)| *key == self.key).map_or("", |found| found.2);
        format!("order-{word}{}", if self.is_descending { "" } else { "-ascending" })
    }
}

impl ListQuery {
    /// Reads PeerTube's parameters; what is bad is noted in `query`.
    pub(crate) fn read(query: &mut Query) -> ListQuery {
        let (start, count) = page(query);
        ListQuery {
            scope: Scope::All,
            order: query.optional("sort", order).unwrap_or_default(),
            filters: Filters::read(query),
            start,
            count,
        }
    }
}

impl Filters {
    fn read(query: &mut Query) -> Filters {
        let seconds = |text: &str| {
            let read = text.parse::<u32>().map_err(|_| FieldError::Kind("a number of seconds"))?;
            Ok(i64::from(read) * 1000)
        };
        Filters {
            categories: query.several("categoryOneOf", CHOICES, number),
            licences: query.several("licenceOneOf", CHOICES, number),
            languages: query.several("languageOneOf", CHOICES, code),
            tags_one_of: query.several("tagsOneOf", CHOICES, tag),
            tags_all_of: query.several("tagsAllOf", CHOICES, tag),
            nsfw: query.optional("nsfw", nsfw).unwrap_or_default(),
            is_local: query.optional("isLocal", boolean),
            since_ms: query.optional("startDate", moment),
            until_ms: query.optional("endDate", moment),
            longer_ms: query.optional("durationMin", seconds),
            // The whole of its last second.
            shorter_ms: query.optional("durationMax", seconds).map(|ms| ms + 999),
        }
    }
}

/// `start` and `count` of a list.
pub(crate) fn page(query: &mut Query) -> (u32, u32) {
    let number = |most: u32, text: &str| match text.parse::<u32>() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(FieldError::Above(i64::from(most))),
    };
    let start = query.optional("start", |text| number(START, text)).unwrap_or(0);
    let count = query.optional("count", |text| number(LIST as u32, text)).unwrap_or(COUNT);
    (start, count)
}

/// PeerTube's `sort`.
pub(crate) fn order(text: &str) -> Result<Order, FieldError> {
    Order::parse(text).ok_or(FieldError::Choice(
        "publishedAt, createdAt, originallyPublishedAt, views, trending, likes, duration, name, each also with -",
    ))
}

fn number(text: &str) -> Result<i64, FieldError> {
    text.parse::<u16>().map(i64::from).map_err(|_| FieldError::Kind("a number"))
}

fn code(text: &str) -> Result<String, FieldError> {
    line(text, 1, 20).map(str::to_owned)
}

fn tag(text: &str) -> Result<String, FieldError> {
    line(text, 1, 30).map(str::to_lowercase)
}

fn nsfw(text: &str) -> Result<Nsfw, FieldError> {
    match text {
        "both" => Ok(Nsfw::With),
        _ => boolean(text).map(|is_only| if is_only { Nsfw::Only } else { Nsfw::Without }),
    }
}

/// `true` or `false`, in a query.
pub(crate) fn boolean(text: &str) -> Result<bool, FieldError> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(FieldError::Kind("true or false")),
    }
}

fn moment(text: &str) -> Result<i64, FieldError> {
    when::parse(text).ok_or(FieldError::Kind("a date and time, as 2026-11-22T05:13:20Z"))
}

/// PeerTube's names, what they mean, and the word of it in our sentences.
const KEYS: [(&str, Key, &str); 8] = [
    ("publishedAt", Key::Published, "published"),
    ("createdAt", Key::Created, "created"),
    ("originallyPublishedAt", Key::Originally, "originally-published"),
    ("views", Key::Views, "views"),
    ("trending", Key::Trending, "trending"),
    ("likes", Key::Likes, "likes"),
    ("duration", Key::Duration, "duration"),
    ("name", Key::Name, "name"),
];

/// Entries of a page for those who don't say, as with PeerTube.
const COUNT: u32 = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Result<ListQuery, &[&str]>) {
        let mut query = Query::parse(text);
        let read = ListQuery::read(&mut query);
        let found = query.finish(read).map_err(|bad| match bad {
            crate::error::ApiError::Fields(bad) => bad.iter().map(|bad| bad.name).collect(),
            _ => Vec::new(),
        });
        assert_eq!(found, wanted.map_err(<[&str]>::to_vec), "{text}");
    }

    fn plain() -> ListQuery {
        ListQuery { count: COUNT, ..ListQuery::default() }
    }

    #[test]
    fn peertube_s_parameters_are_read() {
        check("", Ok(plain()));
        check("unknown=1&sort=-publishedAt", Ok(plain()));
        let filters = Filters { nsfw: Nsfw::With, ..Filters::default() };
        check("nsfw=both", Ok(ListQuery { filters, ..plain() }));
        let order = Order { key: Key::Name, is_descending: false };
        check(
            "start=30&count=100&sort=name",
            Ok(ListQuery { start: 30, count: 100, order, ..plain() }),
        );
        let filters = Filters {
            categories: vec![1, 15],
            languages: vec!["fr".to_owned(), "_unknown".to_owned()],
            tags_all_of: vec!["mer".to_owned(), "sel".to_owned()],
            nsfw: Nsfw::Without,
            is_local: Some(true),
            longer_ms: Some(60_000),
            since_ms: Some(951_868_800_000),
            ..Filters::default()
        };
        check(
            "categoryOneOf=1&categoryOneOf=15&languageOneOf[]=fr&languageOneOf[]=_unknown&tagsAllOf=Mer,SEL\
             &nsfw=false&isLocal=true&durationMin=60&startDate=2000-03-01T00:00:00.000Z",
            Ok(ListQuery { filters, ..plain() }),
        );
    }

    #[test]
    fn every_parameter_has_a_bound() {
        check("count=101&start=-1", Err(&["start", "count"]));
        check("sort=-password&nsfw=maybe", Err(&["sort", "nsfw"]));
        check("startDate=yesterday&durationMax=x", Err(&["startDate", "durationMax"]));
        let many = "categoryOneOf=1&".repeat(CHOICES + 1);
        check(&many, Err(&["categoryOneOf"]));
        check(&format!("tagsOneOf={}", "x".repeat(31)), Err(&["tagsOneOf"]));
        check("categoryOneOf=1)--", Err(&["categoryOneOf"]));
    }

    #[test]
    fn an_order_has_a_name_and_a_sentence() {
        for name in ["-publishedAt", "publishedAt", "-trending", "name", "-originallyPublishedAt"] {
            assert_eq!(Order::parse(name).map(Order::name).as_deref(), Some(name));
        }
        assert_eq!(Order::default().sentence_key(), "order-published");
        assert_eq!(Order::parse("name").unwrap().sentence_key(), "order-name-ascending");
        assert_eq!(Order::parse("id"), None);
    }
}
