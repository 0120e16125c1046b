//! The API as its clients use it, on both databases.

use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::json;
use wire::capability::{KEY_LENGTH, Key};
use wire::id::VideoId;

use super::*;
use crate::config::{Accounts, Federation, Registration};
use crate::database::trial::{self, Trial};
use crate::error::GrantError;
use crate::federation::id::{Place, Strictness};
use crate::field::Username;
use crate::pace::Time;
use crate::role::Role;
use crate::table::session;
use crate::{READ_LIFE, now_ms};

/// An instance with `root`.
pub(crate) struct Instance {
    pub(crate) sidecar: Sidecar,
    pub(super) password: String,
    pub(crate) _trial: Trial,
}

pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

fn key() -> Key {
    Key::new([7; KEY_LENGTH])
}

pub(crate) async fn instances(registration: Registration) -> [Instance; 2] {
    let [one, two] = trial::databases().await;
    [instance(one, registration).await, instance(two, registration).await]
}

/// The same, which other servers know as `one.example`.
pub(crate) async fn federating(settings: Federation) -> [Instance; 2] {
    let mut both = instances(Registration::Closed).await;
    for instance in &mut both {
        let place = Place::new("https://one.example", Strictness::Public).unwrap();
        instance.sidecar.federate(place, &settings).await.unwrap();
    }
    both
}

async fn instance(trial: Trial, registration: Registration) -> Instance {
    let accounts = Accounts { registration, ..Accounts::default() };
    let url = "http://127.0.0.1:9000".to_owned();
    let opened = Sidecar::open(&trial.settings, &accounts, trial.data.path(), url, key()).await;
    let sidecar = opened.unwrap();
    let made = sidecar.ensure_administrator().await.unwrap().unwrap();
    assert_eq!(made.name.to_string(), "root");
    assert!(sidecar.ensure_administrator().await.unwrap().is_none());
    Instance { sidecar, password: made.password.reveal().to_owned(), _trial: trial }
}

impl Instance {
    pub(crate) async fn ask(&self, method: &str, path: &str, token: &str, body: Value) -> Answered {
        self.ask_at(method, &format!("/api/v1/{path}"), token, body).await
    }

    pub(crate) async fn ask_at(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Value,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(password) = token.strip_prefix("password ") {
            request = request.header("x-peertube-video-password", password);
        } else if let Some(code) = token.strip_prefix("otp ") {
            if !code.is_empty() {
                request = request.header("x-peertube-otp", code);
            }
        } else if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let (kind, text) = match body {
            Value::String(form) => ("application/x-www-form-urlencoded", form),
            Value::Null => ("application/json", String::new()),
            json => ("application/json", json.to_string()),
        };
        let request = request.header("content-type", kind).body(Full::<Bytes>::from(text));
        let peer = "127.0.0.1:9".parse().unwrap();
        let (head, body) = self.sidecar.answer(&mut request.unwrap(), peer).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body =
            if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    async fn grant(&self, rest: &str) -> Answered {
        let client = self.ask("GET", "oauth-clients/local", "", Value::Null).await.body;
        let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
        let form = format!("client_id={}&client_secret={}&{rest}", id.unwrap(), secret.unwrap());
        self.ask("POST", "users/token", "", form.into()).await
    }

    pub(super) async fn log_in(&self, name: &str, password: &str) -> Answered {
        self.grant(&format!("grant_type=password&username={name}&password={password}")).await
    }

    pub(crate) async fn token(&self, name: &str, password: &str) -> String {
        text(&self.log_in(name, password).await, "access_token")
    }

    pub(crate) async fn root(&self) -> String {
        self.token("root", &self.password).await
    }
}

#[track_caller]
fn text(answered: &Answered, key: &str) -> String {
    answered.body[key].as_str().unwrap_or_else(|| panic!("{}", answered.body)).to_owned()
}

#[track_caller]
pub(crate) fn check(answered: &Answered, status: u16, detail: &str) {
    let found = (answered.status, answered.body["detail"].as_str().unwrap_or_default());
    assert_eq!(found, (status, detail));
    let kind = answered.headers.get("content-type");
    assert!(
        status == 204 || kind.unwrap().to_str().unwrap().starts_with("application/problem+json")
    );
}

/// That `ours` has all keys of `recorded` with values of the same kind; `null` is of any. Returns the paths that differ.
pub(crate) fn differences(path: &str, ours: &Value, recorded: &Value) -> Vec<String> {
    match (ours, recorded) {
        (Value::Null, _) | (_, Value::Null) => Vec::new(),
        (Value::Object(ours), Value::Object(recorded)) => {
            let lacking = recorded.iter().flat_map(|(key, value)| match ours.get(key) {
                Some(own) => differences(&format!("{path}/{key}"), own, value),
                None => vec![format!("{path}/{key} is lacking")],
            });
            let more = ours.keys().filter(|key| !recorded.contains_key(*key));
            lacking.chain(more.map(|key| format!("{path}/{key} is unknown"))).collect()
        }
        (Value::Array(ours), Value::Array(recorded)) => match (ours.first(), recorded.first()) {
            (Some(own), Some(value)) => differences(&format!("{path}/0"), own, value),
            _ => Vec::new(),
        },
        (ours, recorded) => {
            let is_same = std::mem::discriminant(ours) == std::mem::discriminant(recorded);
            if is_same { Vec::new() } else { vec![format!("{path}: {ours} for {recorded}")] }
        }
    }
}

#[tokio::test]
async fn a_user_is_told_in_peertube_s_form() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../fixtures/api-users-me.json")).unwrap();
    for instance in instances(Registration::Closed).await {
        let me = instance.ask("GET", "users/me", &instance.root().await, Value::Null).await;
        assert_eq!(me.status, 200);
        // There are no notifications yet, so there is nothing to set about them.
        assert_eq!(differences("", &me.body, &recorded), ["/notificationSettings is lacking"]);
        for key in ["role", "videoQuota", "nsfwPolicy", "theme", "username", "blocked"] {
            assert_eq!(me.body[key], recorded[key], "{key}");
        }
        assert_eq!(me.body["account"]["url"], recorded["account"]["url"]);
        assert_eq!(me.body["account"]["host"], recorded["account"]["host"]);
    }
}

#[tokio::test]
async fn a_session_is_begun_renewed_and_ended() {
    for instance in instances(Registration::Closed).await {
        let begun = instance.log_in("Root", &instance.password).await;
        assert_eq!(begun.body["token_type"], "Bearer");
        assert_eq!(begun.body["expires_in"], 86_400);
        assert_eq!(begun.body["refresh_token_expires_in"], 1_209_600);
        let refresh =
            format!("grant_type=refresh_token&refresh_token={}", text(&begun, "refresh_token"));
        let renewed = instance.grant(&refresh).await;
        let again = instance.grant(&refresh).await;
        check(&again, 400, "Invalid grant: refresh token is invalid");
        assert_eq!(again.body["code"], "invalid_grant");
        let old = instance.ask("GET", "users/me", &text(&begun, "access_token"), Value::Null).await;
        check(&old, 401, "Token is invalid");
        assert_eq!(old.body["code"], "invalid_token");
        let token = text(&renewed, "access_token");
        let ended = instance.ask("POST", "users/revoke-token", &token, Value::Null).await;
        check(&ended, 204, "");
        check(&instance.ask("GET", "users/me", &token, Value::Null).await, 401, "Token is invalid");
        let refresh = text(&renewed, "refresh_token");
        let gone =
            instance.grant(&format!("grant_type=refresh_token&refresh_token={refresh}")).await;
        check(&gone, 400, "Invalid grant: refresh token is invalid");
    }
}

#[tokio::test]
async fn a_login_that_another_password_overtakes_opens_nothing() {
    for instance in instances(Registration::Closed).await {
        let sidecar = &instance.sidecar;
        let user = sidecar.identify("root", &instance.password, String::new()).await.unwrap();
        sidecar.reset_password(&Username::parse("root").unwrap()).await.unwrap();
        let late = sidecar.begin_session(&user, READ_LIFE).await;
        assert!(matches!(late, Err(ApiError::Grant(GrantError::Credentials))));
        let left = session::of_user(&sidecar.database, now_ms(), user.id).await.unwrap();
        assert_eq!(left, []);
    }
}

#[tokio::test]
async fn a_password_is_not_changed_by_one_that_is_no_longer_right() {
    for instance in instances(Registration::Closed).await {
        let sidecar = &instance.sidecar;
        instance.root().await;
        let user = sidecar.identify("root", &instance.password, String::new()).await.unwrap();
        let begun = session::of_user(&sidecar.database, now_ms(), user.id).await.unwrap();
        let session = session::Session { id: begun[0].id, user_id: user.id };
        let set = sidecar.reset_password(&Username::parse("root").unwrap()).await.unwrap();
        let wanted = json!({ "password": "of a thief", "currentPassword": instance.password });
        let Value::Object(wanted) = wanted else { panic!("no object") };
        let late = sidecar.change_me((session, user), Fields::of(wanted), "").await;
        assert!(matches!(late, Err(ApiError::BadPassword)));
        assert_eq!(instance.log_in("root", set.reveal()).await.status, 200);
    }
}

#[tokio::test]
async fn who_cannot_come_in_is_told_why_in_oauth_s_words() {
    for instance in instances(Registration::Closed).await {
        let credentials = "Invalid grant: user credentials are invalid";
        for (name, password) in
            [("root", "wrong"), ("nobody", "wrong"), ("' OR 1=1 --", "x"), ("", "")]
        {
            let refused = instance.log_in(name, password).await;
            check(&refused, 400, credentials);
            assert_eq!(refused.body["code"], "invalid_grant");
        }
        let long = "x".repeat(60_000);
        check(&instance.log_in(&long, &long[..4_000]).await, 400, credentials);
        for (rest, code) in [
            ("grant_type=password&username=root", "invalid_request"),
            ("username=root&password=x", "invalid_request"),
            ("grant_type=refresh_token", "invalid_request"),
            ("grant_type=client_credentials", "unsupported_grant_type"),
        ] {
            let refused = instance.grant(rest).await;
            assert_eq!((refused.status, &refused.body["code"]), (400, &json!(code)), "{rest}");
        }
        let stranger =
            json!("client_id=a&client_secret=b&grant_type=password&username=root&password=x");
        let refused = instance.ask("POST", "users/token", "", stranger).await;
        check(&refused, 400, "Invalid client: client is invalid");
        let anonymous = instance.ask("GET", "users/me", "", Value::Null).await;
        assert_eq!(anonymous.body["code"], "unauthorized_request");
        assert_eq!(anonymous.headers["www-authenticate"], "Bearer");
    }
}

#[tokio::test]
async fn guessing_ends_soon_and_for_that_name_alone() {
    let [mut instance, _] = instances(Registration::Closed).await;
    instance.sidecar.elapsed = |_| Time::from_secs(9);
    let name = Username::parse("alice").unwrap();
    let password = instance.sidecar.create_user(&name, None, Role::User).await.unwrap();
    for _ in 0..10 {
        assert_eq!(instance.log_in("alice", "guessed").await.status, 400);
    }
    let refused = instance.log_in("ALICE", password.reveal()).await;
    assert_eq!(refused.status, 429);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(instance.log_in("root", &instance.password).await.status, 200);
    for _ in 0..10 {
        assert_eq!(instance.log_in("somebody.else", "guessed").await.status, 400);
    }
    assert_eq!(instance.log_in("root", &instance.password).await.status, 429);
    instance.sidecar.elapsed = |_| Time::from_secs(9 + 60);
    assert_eq!(instance.log_in("root", &instance.password).await.status, 200);
    assert_eq!(instance.log_in("alice", password.reveal()).await.status, 200);
}

#[tokio::test]
async fn of_many_guesses_at_once_each_is_counted() {
    let [mut instance, _] = instances(Registration::Closed).await;
    instance.sidecar.elapsed = |_| Time::from_secs(9);
    let guesses = (0..15).map(|_| instance.log_in("root", "guessed"));
    let answered = futures_util::future::join_all(guesses).await;
    let refused = answered.iter().filter(|answered| answered.status == 429).count();
    assert_eq!(refused, 5);
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    for instance in instances(Registration::Closed).await {
        let (one, two) = (instance.root().await, instance.root().await);
        let change = async |current: &str| {
            let body = json!({ "currentPassword": current, "password": "another password" });
            instance.ask("PUT", "users/me", &one, body).await
        };
        check(&change("wrong").await, 401, "currentPassword is invalid.");
        check(&change(&instance.password).await, 204, "");
        assert_eq!(instance.ask("GET", "users/me", &one, Value::Null).await.status, 200);
        assert_eq!(instance.ask("GET", "users/me", &two, Value::Null).await.status, 401);
        assert_eq!(instance.log_in("root", &instance.password).await.status, 400);
        assert_eq!(instance.log_in("root", "another%20password").await.status, 200);
    }
}

#[tokio::test]
async fn what_a_user_chooses_is_kept_and_what_is_wrong_changes_nothing() {
    for instance in instances(Registration::Closed).await {
        let token = instance.root().await;
        let me = async || instance.ask("GET", "users/me", &token, Value::Null).await.body;
        let change = async |body: Value| instance.ask("PUT", "users/me", &token, body).await;
        let chosen = json!({
            "displayName": "Roots & Shoots", "description": "two\nlines", "nsfwPolicy": "blur",
            "videoLanguages": ["fr", "_unknown"], "autoPlayVideo": false, "email": "Root@example.org",
            "currentPassword": instance.password, "somethingNewer": 1,
        });
        check(&change(chosen).await, 204, "");
        let now = me().await;
        assert_eq!(now["account"]["displayName"], "Roots & Shoots");
        assert_eq!((&now["nsfwPolicy"], &now["autoPlayVideo"]), (&json!("blur"), &json!(false)));
        assert_eq!(now["email"], "root@example.org");
        assert_eq!(instance.log_in("root@example.org", &instance.password).await.status, 200);
        let now = me().await;
        for (name, value) in [
            ("displayName", json!("a\r\nb")),
            ("description", json!("x".repeat(1_001))),
            ("theme", json!(1)),
            ("nsfwPolicy", json!("all")),
            ("videoLanguages", json!([1])),
            ("p2pEnabled", json!("yes")),
            ("email", json!("a@b.org\r\nBcc: c@d.org")),
            ("password", json!("short")),
        ] {
            let refused = change(json!({ name: value, "autoPlayVideo": true })).await;
            check(&refused, 400, &format!("Incorrect request parameters: {name}"));
        }
        assert_eq!(me().await, now);
    }
}

#[tokio::test]
async fn the_house_decides_who_may_register() {
    let wanted =
        json!({ "username": "alice", "email": "alice@example.org", "password": "correct horse" });
    for instance in instances(Registration::Closed).await {
        let refused = instance.ask("POST", "users/register", "", wanted.clone()).await;
        check(&refused, 403, "User registration is not enabled.");
        let refused = instance.ask("POST", "users/registrations/request", "", wanted.clone()).await;
        check(&refused, 403, "User registration is not enabled.");
    }
    for instance in instances(Registration::Open).await {
        let register = async |body: Value| instance.ask("POST", "users/register", "", body).await;
        check(&register(wanted.clone()).await, 204, "");
        let taken = "User with this username or email already exists.";
        check(&register(wanted.clone()).await, 409, taken);
        let bad = json!({ "username": "Alice!", "email": "nobody", "password": "short" });
        check(&register(bad).await, 400, "Incorrect request parameters: username, email, password");
        let token = instance.token("alice", "correct+horse").await;
        let me = instance.ask("GET", "users/me", &token, Value::Null).await.body;
        assert_eq!(
            (&me["role"]["label"], &me["email"]),
            (&json!("User"), &json!("alice@example.org"))
        );
        let list = instance.ask("GET", "users/registrations", &token, Value::Null).await;
        check(&list, 403, "only moderators and administrators may do this");
    }
}

#[tokio::test]
async fn a_moderator_lets_people_in() {
    for instance in instances(Registration::Approval).await {
        let root = instance.root().await;
        let ask = async |name: &str| {
            let body = json!({
                "username": name, "email": format!("{name}@example.org"), "password": "correct horse",
                "registrationReason": "I film trains",
            });
            instance.ask("POST", "users/registrations/request", "", body).await
        };
        let asked = ask("alice").await;
        assert_eq!((asked.status, &asked.body["state"]["label"]), (200, &json!("Pending")));
        assert!(!asked.body.to_string().contains("argon2"));
        assert_eq!(ask("alice").await.status, 409);
        assert_eq!(ask("root").await.status, 409);
        let refused = ask("bob").await.body["id"].clone();
        let waiting = instance.log_in("alice", "correct+horse").await;
        assert_eq!(waiting.body["code"], "account_waiting_for_approval");
        let guessed = instance.log_in("alice", "wrong").await;
        assert_eq!(guessed.body["code"], "invalid_grant");
        let decide = async |id: &Value, how: &str, token: &str| {
            let path = format!("users/registrations/{id}/{how}");
            instance.ask("POST", &path, token, json!({ "moderationResponse": "as you like" })).await
        };
        let id = &asked.body["id"];
        assert_eq!(decide(id, "accept", "").await.status, 401);
        assert_eq!(decide(id, "accept", &root).await.status, 204);
        assert_eq!(decide(id, "reject", &root).await.status, 409);
        assert_eq!(decide(&refused, "reject", &root).await.status, 204);
        assert_eq!(decide(&json!(99), "reject", &root).await.status, 404);
        assert_eq!(instance.log_in("alice", "correct+horse").await.status, 200);
        let rejected = instance.log_in("bob", "correct+horse").await;
        assert_eq!(rejected.body["code"], "account_approval_rejected");
        let list =
            instance.ask("GET", "users/registrations?count=1", &root, Value::Null).await.body;
        assert_eq!((&list["total"], &list["data"][0]["username"]), (&json!(2), &json!("bob")));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_named() {
    let [instance, _] = instances(Registration::Closed).await;
    let root = instance.root().await;
    for path in
        ["", "nothing", "users/me/", "users//me", "users/registrations/x/accept", "users/me?x=1"]
    {
        let answered = instance.ask("GET", path, &root, Value::Null).await;
        let is_me = path.starts_with("users/me");
        assert_eq!(answered.status, if is_me { 200 } else { 404 }, "{path}");
    }
    let refused = instance.ask("PATCH", "users/me", &root, Value::Null).await;
    check(&refused, 405, "only GET, HEAD, PUT, DELETE, OPTIONS are answered here");
    assert_eq!(refused.headers["allow"], "GET, HEAD, PUT, DELETE, OPTIONS");
    let head = instance.ask("HEAD", "users/me", &root, Value::Null).await;
    assert_eq!((head.status, head.body), (200, Value::Null));
    let preflight = instance.ask("OPTIONS", "users/token", "", Value::Null).await;
    assert_eq!(preflight.headers["access-control-allow-methods"], "POST, OPTIONS");
    assert_eq!(preflight.headers["access-control-allow-origin"], "*");
    assert_eq!(preflight.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_restart_keeps_users_sessions_and_client() {
    for instance in instances(Registration::Closed).await {
        let token = instance.root().await;
        let before = instance.ask("GET", "oauth-clients/local", "", Value::Null).await.body;
        let Instance { sidecar, password, _trial: trial } = instance;
        sidecar.close().await;
        let (data, url) = (trial.data.path(), String::new());
        let opened = Sidecar::open(&trial.settings, &Accounts::default(), data, url, key()).await;
        let sidecar = opened.unwrap();
        assert!(sidecar.ensure_administrator().await.unwrap().is_none());
        let instance = Instance { sidecar, password, _trial: trial };
        let after = instance.ask("GET", "oauth-clients/local", "", Value::Null).await.body;
        assert_eq!(before, after);
        assert_eq!(instance.ask("GET", "users/me", &token, Value::Null).await.status, 200);
    }
}

#[tokio::test]
async fn a_capability_lasts_a_night_and_is_the_same_for_an_hour() {
    let [instance, _] = instances(Registration::Closed).await;
    let video = VideoId::from_random([1; 16]);
    let (hour, life) = (3_600_000, READ_LIFE.as_secs());
    let given = |now| instance.sidecar.capability(&video, now);
    assert_eq!(given(7 * hour + 1000), given(8 * hour));
    assert_ne!(given(8 * hour), given(8 * hour + 1000));
    for now in [0, 8 * hour, 9 * hour - 1, 1_800_000_000_000] {
        let seconds = now as u64 / 1000;
        let check = |at| key().check(&given(now), &video, at);
        assert_eq!(check(seconds + life - 1), Ok(()));
        assert!(check(seconds + life + 3600).is_err());
    }
    assert!(key().check(&given(i64::MIN), &video, life + 3600).is_err());
    assert!(key().check(&given(0), &VideoId::from_random([2; 16]), 0).is_err());
}
