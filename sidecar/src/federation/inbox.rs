//! The inbox: the one door for what other servers send.
//!
//! ```text
//! POST ─▶ bytes within bounds ─▶ whose key ─▶ signed by it, this body, now, for us ─▶ JSON ─▶ authority ─▶ new? ─▶ receive
//! ```
//! What passes is done before it is answered, and once: whoever sends it again is told the same. What takes long, such as fetching a
//! video, is only noted here and done by `tasks`.

pub(crate) mod room;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use serde_json::json;

use self::room::{Room, Share};
use super::authority::{self, AuthorityError};
use super::id::{Id, IdError, Local, Place, Remote};
use super::json::{self, JsonError, Object};
use super::key::PublicKey;
use super::people::PersonError;
use super::receive::{HearError, Heard};
use super::signature::{self, Claim, SignatureError};
use super::site;
use crate::outbound::Budget;
use crate::pace::{Pace, Rate};
use crate::table::heard;
use crate::table::remote_actor::{self, RemoteActor};
use crate::{Reply, Sidecar};

/// What the door needs to stay open.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Bytes of bodies that are in memory, by address.
    bodies: Arc<Room>,
    /// Activities that are just being done, by id.
    under_way: Arc<Room>,
    /// By address: everything, and what makes us ask another server who somebody is.
    from: Mutex<Pace<String>>,
    strangers_from: Mutex<Pace<String>>,
    /// Others who are asked while somebody waits for an answer: by who makes us ask, and by whom we ask.
    asking_for: Arc<Room>,
    asking: Arc<Room>,
    /// By site, of activities that are proved.
    of_site: Mutex<Pace<String>>,
    /// By site: what isn't looked at twice, such as views.
    pub(super) views_of: Mutex<Pace<String>>,
}

/// A request to an inbox, with its whole body.
#[derive(Debug)]
pub struct Posted {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    /// Whose budget it is counted on.
    from: String,
    _room: Share,
}

/// Why something isn't heard: the sender's blame, then ours.
#[derive(Debug, thiserror::Error)]
enum InboxError {
    #[error("nobody here has this inbox")]
    Nobody,
    #[error("an inbox takes POST alone")]
    Method,
    #[error("an activity may have {MOST_BYTES} bytes")]
    TooLong,
    #[error("the body takes too long")]
    TooSlow,
    #[error("the body is broken off")]
    Broken,
    #[error("come back in {0} seconds")]
    TooMany(u64),
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("who signed this: {0}")]
    Signer(PersonError),
    #[error("this isn't signed with the key of {0}")]
    Key(String),
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error("the activity has no {0} that we could ask")]
    Missing(&'static str),
    #[error("{0}: {1}")]
    Url(&'static str, IdError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("{0} is blocked here")]
    Blocked(String),
    #[error("who signed this can't be asked in {} seconds", PROOF.as_secs())]
    Unproved,
    #[error("too much comes in just now")]
    Full,
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Hear(#[from] HearError),
}

impl Inbox {
    pub(crate) fn new() -> Inbox {
        Inbox {
            bodies: Room::new(BODIES, BODIES_OF),
            under_way: Room::new(usize::MAX, 1),
            from: Mutex::new(Pace::new(FROM, crate::limits::REMEMBERED)),
            strangers_from: Mutex::new(Pace::new(STRANGERS_FROM, crate::limits::REMEMBERED)),
            asking_for: Room::new(ASKING, ASKING_FOR),
            asking: Room::new(ASKING, ASKING_ONE),
            of_site: Mutex::new(Pace::new(OF_SITE, crate::limits::REMEMBERED)),
            views_of: Mutex::new(Pace::new(VIEWS_OF, crate::limits::REMEMBERED)),
        }
    }

    /// A turn to ask a server of what it has told.
    pub(super) fn turn_to_ask_of(&self, host: &str) -> Option<Share> {
        self.asking.take(site::of(host), 1)
    }
}

impl Sidecar {
    /// Reads what is posted to an inbox; `None` if the path is none, or federation is off.
    ///
    /// # Errors
    /// What is to be answered instead of hearing it.
    pub async fn read_posted<B>(
        &self,
        request: &mut Request<B>,
        peer: SocketAddr,
    ) -> Option<Result<Posted, Box<Reply>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        self.place.as_ref()?;
        let owner = owner(request.uri().path())?;
        Some(self.read_all(request, owner, peer).await.map_err(|error| Box::new(refusal(&error))))
    }

    async fn read_all<B>(
        &self,
        request: &mut Request<B>,
        owner: Option<Local>,
        peer: SocketAddr,
    ) -> Result<Posted, InboxError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if request.method() != Method::POST {
            return Err(InboxError::Method);
        }
        let from = self.counted(request.headers(), peer);
        self.take(&self.inbox.from, &from)?;
        if let Some(owner) = owner
            && self.handle_of(&owner).await?.is_none()
        {
            return Err(InboxError::Nobody);
        }
        let said = request.headers().get(header::CONTENT_LENGTH);
        let said = said.and_then(|said| said.to_str().ok()?.parse().ok()).unwrap_or(MOST_BYTES);
        if said > MOST_BYTES {
            return Err(InboxError::TooLong);
        }
        let mut room = self.inbox.bodies.take(&from, 0).ok_or(InboxError::Full)?;
        let reading = tokio::time::timeout(PATIENCE, read_body(request.body_mut(), &mut room));
        let body = reading.await.map_err(|_| InboxError::TooSlow)??;
        Ok(Posted {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
            body: body.into(),
            from,
            _room: room,
        })
    }

    /// Hears what was posted, as it came at `now`, and says what is to be answered.
    pub async fn hear(&self, posted: &Posted, now: SystemTime) -> Reply {
        match self.hear_it(posted, now).await {
            Ok(()) => reply(StatusCode::ACCEPTED, Bytes::new()),
            Err(error) => refusal(&error),
        }
    }

    async fn hear_it(&self, posted: &Posted, now: SystemTime) -> Result<(), InboxError> {
        let place = self.place.as_ref().ok_or(InboxError::Nobody)?;
        let target = posted.uri.path_and_query().map_or("/", |target| target.as_str());
        let request = signature::Request {
            method: &posted.method,
            target,
            headers: &posted.headers,
            body: &posted.body,
            authority: place.authority(),
        };
        let claim = Claim::read(&request, now)?;
        let activity = json::read(&posted.body)?;
        let mut budget = Budget(FETCHES);
        if self.is_end_of_nobody(&activity).await? {
            return Ok(());
        }
        let signer = self.proved(&claim, &posted.from, &mut budget).await?;
        let id = remote(place, &activity, "id")?;
        let actor = remote(place, &activity, "actor")?;
        let (id, actor) = match (id, actor) {
            (Id::Remote(id), Id::Remote(actor)) => (id, actor),
            _ => return Err(AuthorityError::Ours.into()),
        };
        let signed_by = parse(place, &signer.url, "actor")?;
        if actor.authority() != signed_by.authority() {
            // Somebody passes on what another said: only the other's own word counts.
            self.take(&self.inbox.of_site, site::of(&signer.host))?;
            return Ok(self.hear_of(&activity).await?);
        }
        authority::check(&signed_by, &Id::Remote(id.clone()), &Id::Remote(actor.clone()))?;
        // The same signature comes again from who listened, or from who didn't get our answer.
        let is_repeated = json::kind(&activity).is_some_and(|kind| REPEATED.contains(&kind));
        let mark = if is_repeated { claim.mark() } else { id.as_str().to_owned() };
        let turn = self.inbox.under_way.take(&mark, 1);
        let _turn = turn.ok_or(InboxError::TooMany(UNDER_WAY.as_secs()))?;
        // Who takes back twice in a second signs the same twice.
        let since = crate::now_ms() - if is_repeated { SAME_MS } else { 0 };
        if heard::at(&self.database, &mark).await?.is_some_and(|at| at <= since) {
            return Ok(());
        }
        self.take(&self.inbox.of_site, site::of(&signer.host))?;
        let actor = if actor.as_str() == signer.url {
            signer
        } else {
            let _turn = self.turn_to_ask(&posted.from, actor.authority())?;
            in_time(self.person(&actor, &mut budget)).await?
        };
        self.note_alive(&actor.host).await?;
        let heard = Heard { activity: &activity, id: &id, actor: &actor };
        match self.receive(&heard, &mut budget).await {
            Err(error) if !error.is_lasting() => return Err(error.into()),
            Err(error) => tracing::debug!(%error, host = actor.host, "an activity is passed over"),
            Ok(()) => {}
        }
        Ok(heard::note(&self.database, crate::now_ms(), &mark).await?)
    }

    /// Servers tell everybody of accounts that are gone, and so are their keys: whether it is one of whom nothing is here.
    async fn is_end_of_nobody(&self, activity: &Object) -> sqlx::Result<bool> {
        let named = |name| {
            let id = self.place.as_ref()?.read(json::first_id(activity, name)?).ok()?;
            if let Id::Remote(id) = id { Some(id) } else { None }
        };
        let actor = named("actor").filter(|_| json::kind(activity) == Some("Delete"));
        match actor.filter(|actor| named("object").as_ref() == Some(actor)) {
            Some(actor) => {
                Ok(remote_actor::by_url(&self.database, actor.document()).await?.is_none())
            }
            None => Ok(false),
        }
    }

    /// Who may be told objects, where only those are told who say who they are.
    ///
    /// # Errors
    /// What is to be answered instead.
    pub(super) async fn may_fetch(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        from: &str,
    ) -> Result<(), Box<Reply>> {
        if !self.federation.authorized_fetch {
            return Ok(());
        }
        self.proved_fetch(uri, headers, from).await.map_err(|error| Box::new(refusal(&error)))
    }

    async fn proved_fetch(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        from: &str,
    ) -> Result<(), InboxError> {
        let place = self.place.as_ref().ok_or(InboxError::Nobody)?;
        let request = signature::Request {
            method: &Method::GET,
            target: uri.path_and_query().map_or("/", |target| target.as_str()),
            headers,
            body: &[],
            authority: place.authority(),
        };
        let claim = Claim::read(&request, SystemTime::now())?;
        self.proved(&claim, from, &mut Budget(FETCHES)).await.map(drop)
    }

    /// Who signed it, which is proved with the key that they show.
    async fn proved(
        &self,
        claim: &Claim,
        from: &str,
        budget: &mut Budget,
    ) -> Result<RemoteActor, InboxError> {
        let place = self.place.as_ref().ok_or(InboxError::Nobody)?;
        let key = match claim.key_id.strip_prefix("acct:").and_then(|key| key.split_once('@')) {
            Some(called) => return self.signer_called(claim, called, from, budget).await,
            None => parse(place, &claim.key_id, "keyId")?,
        };
        if key.authority() == place.authority() {
            return Err(AuthorityError::Ours.into());
        }
        if self.is_blocked(key.authority(), None) {
            return Err(InboxError::Blocked(key.authority().to_owned()));
        }
        // GoToSocial's keys have a URL of their own.
        let owner = key.document();
        let owner = owner.strip_suffix("/main-key").unwrap_or(owner);
        let known = remote_actor::by_url(&self.database, owner).await?;
        let is_known = known.is_some();
        if !is_known {
            self.take(&self.inbox.strangers_from, from)?;
        }
        let owner = parse(place, owner, "keyId")?;
        let signer = match known {
            Some(known) => known,
            None => {
                let _turn = self.turn_to_ask(from, owner.authority())?;
                in_time(self.person(&owner, budget)).await?
            }
        };
        if self.is_blocked(&signer.host, Some(&signer.handle())) {
            return Err(InboxError::Blocked(signer.handle()));
        }
        if is_signed_by(claim, &signer) {
            return Ok(signer);
        }
        // Keys change: who was asked just now isn't asked again.
        if !is_known || signer.fetched_at + KEY_PATIENCE_MS > crate::now_ms() {
            return Err(InboxError::Key(signer.handle()));
        }
        self.take(&self.inbox.strangers_from, from)?;
        let _turn = self.turn_to_ask(from, owner.authority())?;
        let anew = in_time(self.person_anew(&owner, budget)).await?;
        if is_signed_by(claim, &anew) { Ok(anew) } else { Err(InboxError::Key(anew.handle())) }
    }

    async fn signer_called(
        &self,
        claim: &Claim,
        (name, host): (&str, &str),
        from: &str,
        budget: &mut Budget,
    ) -> Result<RemoteActor, InboxError> {
        let known =
            remote_actor::by_handle(&self.database, &remote_actor::handle(name, host)).await?;
        let signer = match known {
            Some(known) => known,
            None => {
                self.take(&self.inbox.strangers_from, from)?;
                let _turn = self.turn_to_ask(from, host)?;
                in_time(self.finger(name, host, budget)).await?
            }
        };
        if self.is_blocked(&signer.host, Some(&signer.handle())) {
            return Err(InboxError::Blocked(signer.handle()));
        }
        if is_signed_by(claim, &signer) {
            Ok(signer)
        } else {
            Err(InboxError::Key(signer.handle()))
        }
    }

    /// A turn to ask another server while somebody waits: a few for each, whoever makes us ask.
    fn turn_to_ask(&self, from: &str, host: &str) -> Result<[Share; 2], InboxError> {
        let inbox = &self.inbox;
        let shares = inbox.asking_for.take(from, 1).zip(inbox.turn_to_ask_of(host));
        shares.map(|(from, of)| [from, of]).ok_or(InboxError::Full)
    }

    fn take(&self, pace: &Mutex<Pace<String>>, key: &str) -> Result<(), InboxError> {
        let now = (self.elapsed)(&self.started);
        let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.take(now, &key.to_owned()).map_err(|wait| InboxError::TooMany(wait.as_secs() + 1))
    }
}

/// Reads a body, for which room is taken as it comes: who says that it is long takes none by that.
async fn read_body<B>(body: &mut B, room: &mut Share) -> Result<Vec<u8>, InboxError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| InboxError::Broken)?.into_data() else { continue };
        if read.len() + data.len() > MOST_BYTES {
            return Err(InboxError::TooLong);
        }
        if !room.grow(data.len()) {
            return Err(InboxError::Full);
        }
        read.extend_from_slice(&data);
    }
    Ok(read)
}

/// Whom a server tells, if it tells it while its asker waits.
async fn in_time(
    asking: impl Future<Output = Result<RemoteActor, PersonError>>,
) -> Result<RemoteActor, InboxError> {
    let asked = tokio::time::timeout(PROOF, asking).await;
    asked.map_err(|_| InboxError::Unproved)?.map_err(InboxError::Signer)
}

/// Whose inbox a path is: everybody's is `Some(None)`.
fn owner(path: &str) -> Option<Option<Local>> {
    if path == "/inbox" {
        return Some(None);
    }
    match Local::parse(path.strip_suffix("/inbox")?)? {
        owner @ (Local::Instance | Local::Account(_) | Local::Channel(_)) => Some(Some(owner)),
        _ => None,
    }
}

fn is_signed_by(claim: &Claim, signer: &RemoteActor) -> bool {
    PublicKey::read(&signer.public_key).is_ok_and(|key| claim.is_of(&key))
}

fn remote(place: &Place, activity: &Object, name: &'static str) -> Result<Id, InboxError> {
    let text = json::first_id(activity, name).ok_or(InboxError::Missing(name))?;
    place.read(text).map_err(|error| InboxError::Url(name, error))
}

fn parse(place: &Place, text: &str, name: &'static str) -> Result<Remote, InboxError> {
    Remote::parse(text, place.strictness()).map_err(|error| InboxError::Url(name, error))
}

/// The one place where an error becomes an answer.
fn refusal(error: &InboxError) -> Reply {
    let status = match error {
        InboxError::Nobody => StatusCode::NOT_FOUND,
        // Of our host, though nothing of ours.
        InboxError::Url(_, IdError::Nothing) => StatusCode::FORBIDDEN,
        InboxError::Method => StatusCode::METHOD_NOT_ALLOWED,
        InboxError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        InboxError::TooSlow => StatusCode::REQUEST_TIMEOUT,
        InboxError::Broken | InboxError::Json(_) | InboxError::Missing(_) | InboxError::Url(..) => {
            StatusCode::BAD_REQUEST
        }
        InboxError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        InboxError::Signature(_) | InboxError::Key(_) => StatusCode::UNAUTHORIZED,
        InboxError::Signer(PersonError::Blocked(_)) => StatusCode::FORBIDDEN,
        // Whoever sends again when we can ask again is heard then.
        InboxError::Signer(error) if error.is_lasting() => StatusCode::UNAUTHORIZED,
        InboxError::Signer(_) | InboxError::Unproved | InboxError::Full => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        InboxError::Authority(_) | InboxError::Blocked(_) => StatusCode::FORBIDDEN,
        InboxError::Database(_) | InboxError::Hear(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    if let InboxError::Database(error) = error {
        tracing::error!("an activity isn't heard: {error}");
    } else {
        tracing::debug!(%error, "an activity isn't heard");
    }
    let mut reply = reply(status, Bytes::from(json!({ "error": error.to_string() }).to_string()));
    let wait = match error {
        InboxError::TooMany(seconds) => Some(*seconds),
        _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(60),
        _ => None,
    };
    if let Some(wait) = wait {
        reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
    }
    reply
}

fn reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

/// Mastodon's bound of what it takes.
const MOST_BYTES: usize = 1 << 20;

/// Bodies in memory, which JSON doubles or trebles for a moment: 24 of the longest, thousands of usual ones; of one address a quarter.
const BODIES: usize = 24 << 20;
const BODIES_OF: usize = BODIES / 4;

/// How long a body may take: servers are not on telephones.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests of our own that one activity may cost: its signer, a channel's owner, a changed key, and what it is about.
const FETCHES: u32 = 12;

/// A large server in a busy hour; each costs a signature's check, which takes less than a millisecond.
const FROM: Rate = Rate { burst: 20_000, every: Duration::from_millis(20) };

/// What the servers of one site may have done here: the likes of a video that everybody sees, and then ten in a second, each of which is remembered for
/// some days.
const OF_SITE: Rate = Rate { burst: 5_000, every: Duration::from_millis(100) };

/// Requests about strangers at the same time: slow servers hold each for some seconds. One address makes us ask as many at once as a
/// large server needs whose people all come, and one site is asked no more than it could want.
const ASKING: usize = 128;
const ASKING_FOR: usize = 32;
const ASKING_ONE: usize = 16;

/// How long whoever posts waits until it is known who they are: others hang up after 10 seconds and more.
const PROOF: Duration = Duration::from_secs(15);

/// Those that make us ask another server: a thousand people of a large one come at once with a video that everybody likes.
const STRANGERS_FROM: Rate = Rate { burst: 1_000, every: Duration::from_millis(200) };

/// Views that another server may tell in all: 5 each second.
const VIEWS_OF: Rate = Rate { burst: 300, every: Duration::from_millis(200) };

/// What comes again under the same id and does no harm twice: who asks to follow again didn't get the answer, and whoever likes a
/// video for the second time takes that back for the second time, too.
const REPEATED: [&str; 4] = ["Follow", "Accept", "Reject", "Undo"];

/// When whoever says the same at the same time may come again: what comes of the first isn't known yet.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// How long the same signature is the same server's that says the same again, and not somebody's who listened.
const SAME_MS: i64 = 5_000;

/// How long a key that was just fetched isn't fetched again because something isn't signed with it.
const KEY_PATIENCE_MS: i64 = 300_000;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod hostile;
#[cfg(test)]
pub(crate) mod tests;
