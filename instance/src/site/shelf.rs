//! Lists of videos: `/`, `/search`, `/c/<handle>`, `/a/<handle>`, and what is a visitor's own under `/my/`.

use askama::Template;
use http::StatusCode;
use origin::Reply;
use sidecar::federation::resolve::Sought;
use sidecar::listing::{ListQuery, Order, Scope};
use sidecar::view::{AccountPage, ChannelPage, Listed, Privacy, State, VideoCard};
use sidecar::vocabulary::{CATEGORIES, LANGUAGES};

use super::settings::visitor;
use super::{PageError, Site, now_ms, parameter};
use crate::visit::Visit;
use crate::when;
use sidecar::prose;

/// A video on a shelf.
pub(super) struct Card {
    pub(super) href: String,
    picture: Option<String>,
    pub(super) title: String,
    language: Option<String>,
    pub(super) clock: String,
    duration: String,
    pub(super) date: String,
    pub(super) age: String,
    channel_href: String,
    channel: String,
    /// The server that it is from, if not this one.
    host: Option<String>,
    pub(super) views: String,
    /// What is special about it, as keys: not published yet, not for everybody.
    pub(super) marks: Vec<&'static str>,
    is_blurred: bool,
    /// Percent of it that the visitor has seen.
    seen: Option<u64>,
    pub(super) short: String,
}

/// Links to the pages before and after.
#[derive(Default)]
struct Turn {
    newer: Option<String>,
    older: Option<String>,
}

/// One way to order a list.
struct Tab {
    href: String,
    key: &'static str,
    is_current: bool,
}

/// `/` and `/search`.
#[derive(Template)]
#[template(path = "shelf.html")]
struct Shelf<'a> {
    visit: &'a Visit<'a>,
    title: String,
    is_search: bool,
    /// How the list is ordered, in one sentence.
    sentence: String,
    tabs: Vec<Tab>,
    /// To those from here alone, or back to all, where there are others.
    here: Option<Tab>,
    channels: Vec<ChannelLine>,
    cards: Vec<Card>,
    turn: Turn,
    has_any: bool,
    /// Why a search finds nothing.
    nothing: String,
    /// It would find more for who is logged in.
    wants_login: bool,
}

/// A channel in a list.
struct ChannelLine {
    handle: String,
    name: String,
    avatar: Option<String>,
    subscribers: String,
}

/// `/c/<handle>`.
#[derive(Template)]
#[template(path = "channel.html")]
struct Channel<'a> {
    visit: &'a Visit<'a>,
    channel: ChannelPage,
    /// Visitors who have an account elsewhere are led there.
    can_be_followed: bool,
    description: String,
    support: String,
    subscribers: String,
    feed: String,
    cards: Vec<Card>,
    turn: Turn,
}

/// `/a/<handle>`.
#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    visit: &'a Visit<'a>,
    account: AccountPage,
    description: String,
    channels: Vec<ChannelLine>,
    cards: Vec<Card>,
    turn: Turn,
}

/// `/my/subscriptions` and `/my/history`.
#[derive(Template)]
#[template(path = "library.html")]
struct Library<'a> {
    visit: &'a Visit<'a>,
    title: String,
    is_history: bool,
    keeps_history: bool,
    channels: Vec<ChannelLine>,
    cards: Vec<Card>,
    turn: Turn,
}

impl Card {
    pub(super) fn new(visit: &Visit<'_>, video: VideoCard, now_ms: u64) -> Card {
        let shown = video.published_at_ms.unwrap_or(video.created_at_ms);
        let shown = u64::try_from(shown).unwrap_or_default();
        let ms = u64::try_from(video.duration.as_millis()).unwrap_or(u64::MAX);
        let seen = video.position.map(|at| {
            let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
            (at.saturating_mul(100) / ms.max(1)).min(100)
        });
        let mut marks: Vec<&'static str> = state_key(video.state).into_iter().collect();
        marks.extend(privacy_key(video.privacy));
        Card {
            short: video.id.short(),
            href: format!("/w/{}", video.id.short()),
            picture: video.picture,
            title: video.name,
            language: video.language,
            clock: when::clock(ms),
            duration: when::duration(ms),
            date: when::date(shown),
            age: visit.age(shown, now_ms),
            channel_href: format!("/c/{}", video.channel.handle),
            host: video.channel.handle.split_once('@').map(|(_, host)| host.to_owned()),
            channel: video.channel.name,
            views: visit.count("views", video.views),
            marks,
            is_blurred: video.nsfw && visit.blurs(),
            seen,
        }
    }

    pub(super) fn all(visit: &Visit<'_>, listed: Listed<VideoCard>) -> Vec<Card> {
        let now_ms = now_ms();
        listed.entries.into_iter().map(|video| Card::new(visit, video, now_ms)).collect()
    }
}

impl Turn {
    /// The pages beside `page` of `total` entries, under the same address.
    fn new(path: &str, kept: &[(&str, String)], page: u32, total: u64) -> Turn {
        let link = |page: u32| address(path, kept, Some(page));
        Turn {
            newer: (page > 1).then(|| link(page - 1)),
            older: (u64::from(page) * u64::from(CARDS) < total).then(|| link(page + 1)),
        }
    }
}

impl ChannelLine {
    fn all(visit: &Visit<'_>, channels: Vec<ChannelPage>) -> Vec<ChannelLine> {
        let line = |channel: ChannelPage| ChannelLine {
            handle: channel.handle,
            name: channel.name,
            avatar: channel.avatar,
            subscribers: visit.count("subscribers", channel.subscribers),
        };
        channels.into_iter().map(line).collect()
    }
}

impl Site {
    pub(super) async fn shelf(&self, visit: &Visit<'_>, query: &str) -> Result<Reply, PageError> {
        let page = page(query);
        let order = parameter(query, "sort").and_then(|sort| Order::parse(&sort));
        let mut wanted = list_query(page);
        wanted.order = order.unwrap_or_default();
        let (narrowed, mut kept) = narrow(&mut wanted, query);
        let listed = self.sidecar.list(&wanted, visit.visitor.as_ref()).await?;
        let tabs = tabs("/", &kept, Some(wanted.order));
        kept.extend(order.map(|order| ("sort", order.name())));
        let shelf = Shelf {
            visit,
            title: narrowed.unwrap_or_else(|| visit.say("videos")),
            is_search: false,
            nothing: String::new(),
            wants_login: false,
            sentence: visit.say(&wanted.order.sentence_key()),
            tabs,
            channels: Vec::new(),
            turn: Turn::new("/", &kept, page, listed.total),
            has_any: listed.total > 0,
            here: here("/", &kept, &listed),
            cards: Card::all(visit, listed),
        };
        if page > 1 && shelf.cards.is_empty() {
            return Err(PageError::NotFound);
        }
        self.html(visit, StatusCode::OK, &shelf)
    }

    pub(super) async fn search(&self, visit: &Visit<'_>, query: &str) -> Result<Reply, PageError> {
        let text = parameter(query, "q").unwrap_or_default();
        let is_plain = |character: &char| !character.is_control();
        let text: String = text.chars().filter(is_plain).take(LONGEST_SEARCH).collect();
        let page = page(query);
        let order = parameter(query, "sort").and_then(|sort| Order::parse(&sort));
        let mut wanted = list_query(page);
        let (_, mut kept) = narrow(&mut wanted, query);
        let viewer = visit.visitor.as_ref();
        let (nothing, wants_login) = match self.sidecar.seek(&text, viewer).await {
            Sought::Found(found) => return Ok(super::see_other(&found.path())),
            Sought::LoginWanted => (visit.say("search-log-in"), true),
            Sought::TooMany(wait) => (visit.count("search-wait", wait.as_secs() + 1), false),
            Sought::Nothing => (visit.say("search-nothing"), false),
        };
        let listed = self.sidecar.search(&text, &wanted, order, viewer).await?;
        let channels = match page {
            1 => self.sidecar.search_channels(&text, 0, CHANNELS, viewer).await?.entries,
            _ => Vec::new(),
        };
        kept.insert(0, ("q", text.clone()));
        let tabs = tabs("/search", &kept, order);
        kept.extend(order.map(|order| ("sort", order.name())));
        let shelf = Shelf {
            visit,
            title: visit.name("search-title", &text),
            is_search: true,
            nothing,
            wants_login,
            sentence: order
                .map_or_else(|| visit.say("order-match"), |order| visit.say(&order.sentence_key())),
            tabs,
            channels: ChannelLine::all(visit, channels),
            turn: Turn::new("/search", &kept, page, listed.total),
            has_any: listed.total > 0,
            here: here("/search", &kept, &listed),
            cards: Card::all(visit, listed),
        };
        self.html(visit, StatusCode::OK, &shelf)
    }

    pub(super) async fn channel(
        &self,
        visit: &Visit<'_>,
        handle: &str,
        query: &str,
    ) -> Result<Reply, PageError> {
        let viewer = visit.visitor.as_ref();
        let channel = self.sidecar.channel_page(handle, viewer).await?;
        let channel = channel.ok_or(PageError::NotFound)?;
        let page = page(query);
        let wanted = ListQuery { scope: Scope::Channel(channel.no), ..list_query(page) };
        let listed = self.sidecar.list(&wanted, viewer).await?;
        let path = format!("/c/{}", channel.handle);
        let page = Channel {
            visit,
            description: prose::html(channel.description.as_deref().unwrap_or_default()),
            support: prose::html(channel.support.as_deref().unwrap_or_default()),
            subscribers: visit.count("subscribers", channel.subscribers),
            can_be_followed: channel.elsewhere.is_none() && self.sidecar.is_federated(),
            feed: format!("/feeds/videos.xml?videoChannelId={}", channel.no),
            turn: Turn::new(&path, &[], page, listed.total),
            cards: Card::all(visit, listed),
            channel,
        };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn account(
        &self,
        visit: &Visit<'_>,
        handle: &str,
        query: &str,
    ) -> Result<Reply, PageError> {
        let viewer = visit.visitor.as_ref();
        let account = self.sidecar.account_page(handle, viewer).await?;
        let mut account = account.ok_or(PageError::NotFound)?;
        let page = page(query);
        let wanted = ListQuery { scope: Scope::Account(account.no), ..list_query(page) };
        let listed = self.sidecar.list(&wanted, viewer).await?;
        let path = format!("/a/{}", account.handle);
        let page = Account {
            visit,
            description: prose::html(account.description.as_deref().unwrap_or_default()),
            channels: ChannelLine::all(visit, std::mem::take(&mut account.channels)),
            turn: Turn::new(&path, &[], page, listed.total),
            cards: Card::all(visit, listed),
            account,
        };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn subscriptions(
        &self,
        visit: &Visit<'_>,
        query: &str,
    ) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let page = page(query);
        let wanted = ListQuery { scope: Scope::Subscriptions(visitor.user_id), ..list_query(page) };
        let listed = self.sidecar.list(&wanted, Some(visitor)).await?;
        let channels = self.sidecar.my_subscriptions(visitor, 0, SUBSCRIPTIONS).await?;
        let page = Library {
            visit,
            title: visit.say("subscriptions"),
            is_history: false,
            keeps_history: visitor.keeps_history(),
            channels: ChannelLine::all(visit, channels.entries),
            turn: Turn::new("/my/subscriptions", &[], page, listed.total),
            cards: Card::all(visit, listed),
        };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn history(&self, visit: &Visit<'_>, query: &str) -> Result<Reply, PageError> {
        let visitor = visitor(visit)?;
        let page = page(query);
        let start = (page - 1).saturating_mul(CARDS);
        let listed = self.sidecar.my_history(visitor, start, CARDS).await?;
        let page = Library {
            visit,
            title: visit.say("history"),
            is_history: true,
            keeps_history: visitor.keeps_history(),
            channels: Vec::new(),
            turn: Turn::new("/my/history", &[], page, listed.total),
            cards: Card::all(visit, listed),
        };
        self.html(visit, StatusCode::OK, &page)
    }

    pub(super) async fn forget_history(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.sidecar.forget_history(visitor(visit)?, None).await?;
        Ok(super::see_other("/my/history"))
    }
}

/// What a list is narrowed to by its address: what to call it then, and the parameters that say so.
fn narrow(wanted: &mut ListQuery, query: &str) -> (Option<String>, Vec<(&'static str, String)>) {
    let mut title = None;
    let mut kept = Vec::new();
    let number = parameter(query, "category").and_then(|text| text.parse::<i64>().ok());
    if let Some((id, label)) =
        number.and_then(|id| CATEGORIES.iter().find(|(known, _)| *known == id))
    {
        wanted.filters.categories = vec![*id];
        kept.push(("category", id.to_string()));
        title = Some((*label).to_owned());
    }
    let code = parameter(query, "language");
    if let Some((code, label)) =
        code.and_then(|code| LANGUAGES.iter().find(|(known, _)| *known == code))
    {
        wanted.filters.languages = vec![(*code).to_owned()];
        kept.push(("language", (*code).to_owned()));
        title = Some((*label).to_owned());
    }
    let is_tag = |tag: &String| {
        (1..=30).contains(&tag.chars().count()) && !tag.chars().any(char::is_control)
    };
    let tag = parameter(query, "tag").filter(is_tag);
    if let Some(tag) = tag {
        wanted.filters.tags_one_of = vec![tag.to_lowercase()];
        title = Some(format!("#{tag}"));
        kept.push(("tag", tag));
    }
    if parameter(query, FROM).as_deref() == Some(HERE) {
        wanted.filters.is_local = Some(true);
        kept.push((FROM, HERE.to_owned()));
    }
    (title, kept)
}

/// Offered where others' videos are among them, or were left out.
fn here(path: &str, kept: &[(&'static str, String)], listed: &Listed<VideoCard>) -> Option<Tab> {
    let is_current = kept.iter().any(|(name, _)| *name == FROM);
    let has_others = listed.entries.iter().any(|video| video.channel.handle.contains('@'));
    let mut kept: Vec<_> = kept.iter().filter(|(name, _)| *name != FROM).cloned().collect();
    if !is_current {
        kept.push((FROM, HERE.to_owned()));
    }
    let href = address(path, &kept, None);
    (is_current || has_others).then_some(Tab { href, key: "tab-here", is_current })
}

fn tabs(path: &str, kept: &[(&'static str, String)], current: Option<Order>) -> Vec<Tab> {
    let tab = |(name, key): &(&str, &'static str)| {
        let mut kept = kept.to_vec();
        kept.push(("sort", (*name).to_owned()));
        let is_current = current.is_some_and(|order| order.name() == *name);
        Tab { href: address(path, &kept, None), key, is_current }
    };
    TABS.iter().map(tab).collect()
}

fn address(path: &str, kept: &[(&str, String)], page: Option<u32>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept);
    if let Some(page) = page.filter(|page| *page > 1) {
        query.append_pair("page", &page.to_string());
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page that an address asks for, from 1.
pub(super) fn page(query: &str) -> u32 {
    let page = parameter(query, "page").and_then(|page| page.parse().ok()).unwrap_or(1);
    page.clamp(1, LAST_PAGE)
}

fn list_query(page: u32) -> ListQuery {
    ListQuery { start: (page - 1) * CARDS, count: CARDS, ..ListQuery::default() }
}

/// What is said of who may see a video, if not everybody.
pub(super) fn privacy_key(privacy: Privacy) -> Option<&'static str> {
    match privacy {
        Privacy::Public => None,
        Privacy::Unlisted => Some("privacy-unlisted"),
        Privacy::Private => Some("privacy-private"),
        Privacy::Internal => Some("privacy-internal"),
        Privacy::Password => Some("privacy-password"),
    }
}

fn state_key(state: State) -> Option<&'static str> {
    match state {
        State::Published => None,
        State::ToTranscode => Some("state-making"),
        State::TranscodingFailed => Some("state-failed"),
    }
}

/// The parameter that leaves out what is of other servers.
const FROM: &str = "from";
const HERE: &str = "here";

/// Ways to order a list that people use, PeerTube's names for them, and ours.
const TABS: [(&str, &str); 4] = [
    ("-publishedAt", "tab-newest"),
    ("-trending", "tab-trending"),
    ("-views", "tab-views"),
    ("-likes", "tab-likes"),
];

/// Videos on one page of a shelf: eight rows of six, or twelve of four.
pub(super) const CARDS: u32 = 48;

/// Channels beside the videos of a search.
const CHANNELS: u32 = 6;

/// Channels told beside the newest of them.
const SUBSCRIPTIONS: u32 = 100;

/// The API passes over no more.
const LAST_PAGE: u32 = 1_000_000 / CARDS;

/// Characters of a search: more than anybody looks for.
const LONGEST_SEARCH: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_what_it_is_narrowed_to_on_each_page() {
        let mut wanted = list_query(2);
        let (title, kept) = narrow(&mut wanted, "category=15&tag=Sea&language=xx&page=2");
        assert_eq!(title.as_deref(), Some("#Sea"));
        assert_eq!((wanted.start, wanted.filters.categories), (CARDS, vec![15]));
        assert_eq!(wanted.filters.tags_one_of, ["sea"]);
        assert!(wanted.filters.languages.is_empty());
        let turn = Turn::new("/", &kept, 2, 100);
        assert_eq!(turn.newer.as_deref(), Some("/?category=15&tag=Sea"));
        assert_eq!(turn.older.as_deref(), Some("/?category=15&tag=Sea&page=3"));
        assert_eq!(Turn::new("/", &kept, 2, 96).older, None);
    }

    #[test]
    fn a_page_is_a_number_that_there_may_be() {
        for (query, wanted) in
            [("", 1), ("page=0", 1), ("page=-1", 1), ("page=x", 1), ("page=7", 7)]
        {
            assert_eq!(page(query), wanted, "{query}");
        }
        assert_eq!(page("page=4294967295"), LAST_PAGE);
    }
}
