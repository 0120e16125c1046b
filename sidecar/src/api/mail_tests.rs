//! What mails of ours let people do, and nobody else, on both databases.

use serde_json::{Value, json};

use super::tests::{Instance, check, instances};
use crate::config::Registration;
use crate::field::{Email, Username};
use crate::limits::LETTER_ATTEMPTS;
use crate::mail::{Fate, Letter, Matter, Trouble};
use crate::pace::Time;
use crate::role::Role;
use crate::table::ticket::{self, Purpose, Ticket};
use crate::{now_ms, token};

/// Instances that send mail, and want addresses proved.
async fn mailing(registration: Registration) -> Vec<Instance> {
    let mut made = Vec::new();
    for mut instance in instances(registration).await {
        instance.sidecar.settings.requires_email_verification = true;
        instance.sidecar.send_letters();
        made.push(instance);
    }
    made
}

impl Instance {
    async fn letter(&self) -> Letter {
        let letter = self.sidecar.next_letter().await.unwrap().unwrap();
        self.sidecar.note_sent(&letter).await.unwrap();
        letter
    }

    async fn post(&self, path: &str, body: Value) -> super::tests::Answered {
        self.ask("POST", path, "", body).await
    }

    async fn alice(&self) -> i64 {
        let name = Username::parse("alice").unwrap();
        let email = Email::parse("alice@example.org").unwrap();
        self.sidecar.create_user(&name, Some(email), Role::User).await.unwrap();
        let found = crate::table::user::by_login(&self.sidecar.database, "alice").await;
        found.unwrap().unwrap().id
    }
}

/// The parameters of a letter's link.
fn parameters(letter: &Letter) -> Vec<(String, String)> {
    let (Matter::Verify(link) | Matter::Reset(link)) = &letter.matter else {
        panic!("{letter:?}");
    };
    let (_, query) = link.split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

fn parameter(letter: &Letter, name: &str) -> String {
    let found = parameters(letter).into_iter().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("{letter:?}")).1
}

const FORGED: &str = "Invalid verification string.";

#[tokio::test]
async fn who_registers_comes_in_by_the_link_of_a_mail() {
    for instance in mailing(Registration::Open).await {
        let wanted =
            json!({ "username": "bob", "email": "bob@example.org", "password": "correct horse" });
        check(&instance.post("users/register", wanted).await, 204, "");
        let refused = instance.log_in("bob", "correct+horse").await;
        check(&refused, 400, "User email is not verified.");
        assert_eq!(instance.log_in("bob", "wrong").await.body["code"], "invalid_grant");
        let letter = instance.letter().await;
        assert_eq!((&*letter.address, &*letter.username), ("bob@example.org", "bob"));
        let (id, secret) = (parameter(&letter, "userId"), parameter(&letter, "verificationString"));
        let verify = async |id: &str, secret: &str| {
            let body = json!({ "verificationString": secret });
            instance.post(&format!("users/{id}/verify-email"), body).await
        };
        check(&verify("1", &secret).await, 403, FORGED);
        check(&verify(&id, "guessed").await, 403, FORGED);
        let reset = json!({ "verificationString": secret, "password": "another horse" });
        let other = instance.post(&format!("users/{id}/reset-password"), reset).await;
        check(&other, 403, FORGED);
        check(&verify(&id, &secret).await, 204, "");
        check(&verify(&id, &secret).await, 403, FORGED);
        let token = instance.token("bob", "correct+horse").await;
        let me = instance.ask("GET", "users/me", &token, Value::Null).await.body;
        assert_eq!(me["emailVerified"], true);
        let again = json!({ "email": "bob@example.org" });
        check(&instance.post("users/ask-send-verify-email", again).await, 204, "");
        assert_eq!(
            instance.sidecar.next_letter().await.unwrap(),
            None,
            "there is nothing to prove"
        );
    }
}

#[tokio::test]
async fn a_forgotten_password_is_set_by_mail_once_and_ends_sessions() {
    for instance in mailing(Registration::Closed).await {
        let id = instance.alice().await;
        let before = instance.sidecar.reset_password(&Username::parse("alice").unwrap()).await;
        let token = instance.token("alice", before.unwrap().reveal()).await;
        let body = json!({ "email": "ALICE@example.org" });
        check(&instance.post("users/ask-reset-password", body).await, 204, "");
        let letter = instance.letter().await;
        let secret = parameter(&letter, "verificationString");
        let path = format!("users/{id}/reset-password");
        let reset = async |path: &str, secret: &str, password: &str| {
            instance.post(path, json!({ "verificationString": secret, "password": password })).await
        };
        let short = "Incorrect request parameters: password";
        check(&reset(&path, &secret, "short").await, 400, short);
        check(&reset("users/1/reset-password", &secret, "correct horse").await, 403, FORGED);
        check(&reset(&path, &secret, "correct horse").await, 204, "");
        check(&reset(&path, &secret, "battery staple").await, 403, FORGED);
        assert_eq!(instance.ask("GET", "users/me", &token, Value::Null).await.status, 401);
        assert_eq!(instance.log_in("alice", "correct+horse").await.status, 200);
    }
}

#[tokio::test]
async fn nobody_learns_which_addresses_are_known_nor_slips_one_in() {
    for mut instance in mailing(Registration::Closed).await {
        instance.sidecar.elapsed = |_| Time::from_secs(9);
        instance.alice().await;
        for path in [
            "users/ask-reset-password",
            "users/ask-send-verify-email",
            "users/registrations/ask-send-verify-email",
        ] {
            for email in ["alice@example.org", "nobody@example.org"] {
                check(&instance.post(path, json!({ "email": email })).await, 204, "");
            }
        }
        let letter = instance.letter().await;
        assert_eq!(letter.address, "alice@example.org");
        assert!(matches!(letter.matter, Matter::Reset(_)));
        assert_eq!(instance.sidecar.next_letter().await.unwrap(), None);
        for bad in [
            "alice@example.org\r\nBcc: eve@example.org",
            "alice@example.org, eve@example.org",
            "<a@b.org>",
            "a",
        ] {
            let refused = instance.post("users/ask-reset-password", json!({ "email": bad })).await;
            check(&refused, 400, "Incorrect request parameters: email");
        }
        for email in ["alice@example.org", "nobody@example.org"] {
            let refused =
                instance.post("users/ask-reset-password", json!({ "email": email })).await;
            assert_eq!(refused.status, 429, "three mails to one address are enough");
        }
    }
}

#[tokio::test]
async fn guesses_and_late_comers_are_turned_away() {
    for mut instance in mailing(Registration::Closed).await {
        instance.sidecar.elapsed = |_| Time::from_secs(9);
        let id = instance.alice().await;
        let about = "alice@example.org".to_owned();
        let ticket = Ticket { user_id: Some(id), registration_id: None, about };
        let (database, now, hash) = (&instance.sidecar.database, now_ms(), token::hash("late"));
        let issue = ticket::issue(database, 0, &hash, Purpose::Reset, &ticket, now);
        issue.await.unwrap();
        let path = format!("users/{id}/reset-password");
        let late = json!({ "verificationString": "late", "password": "correct horse" });
        check(&instance.post(&path, late).await, 403, FORGED);
        let guess = json!({ "verificationString": "guessed" });
        let verify = format!("users/{id}/verify-email");
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(instance.post(&verify, guess.clone()).await.status);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 19);
        assert_eq!(statuses.last(), Some(&429));
        for bad in ["", "a\r\nb", &"x".repeat(101)] {
            let body = json!({ "verificationString": bad });
            assert_eq!(instance.post(&verify, body).await.status, 400, "{bad:?}");
        }
    }
}

#[tokio::test]
async fn an_applicant_proves_their_address_and_is_told_what_was_decided() {
    for instance in mailing(Registration::Approval).await {
        let root = instance.root().await;
        let ask = async |name: &str| {
            let body = json!({
                "username": name, "email": format!("{name}@example.org"), "password": "correct horse",
                "registrationReason": "I film trains",
            });
            instance.post("users/registrations/request", body).await.body["id"].clone()
        };
        let (bob, carol) = (ask("bob").await, ask("carol").await);
        let letter = instance.letter().await;
        assert_eq!(parameter(&letter, "registrationId"), bob.to_string());
        let body = json!({ "verificationString": parameter(&letter, "verificationString") });
        let path = |id: &Value| format!("users/registrations/{id}/verify-email");
        check(&instance.post(&path(&carol), body.clone()).await, 403, FORGED);
        check(&instance.post(&path(&bob), body).await, 204, "");
        let late = instance.letter().await;
        let decide = async |id: &Value, how: &str, said: &str| {
            let path = format!("users/registrations/{id}/{how}");
            let done = instance.ask("POST", &path, &root, json!({ "moderationResponse": said }));
            check(&done.await, 204, "");
        };
        decide(&bob, "accept", "Welcome!").await;
        let letter = instance.letter().await;
        assert_eq!(letter.matter, Matter::Accepted("Welcome!".to_owned()));
        assert_eq!(instance.log_in("bob", "correct+horse").await.status, 200);
        decide(&carol, "accept", "").await;
        assert_eq!(instance.letter().await.matter, Matter::Accepted(String::new()));
        assert_eq!(instance.log_in("carol", "correct+horse").await.status, 400);
        let body = json!({ "verificationString": parameter(&late, "verificationString") });
        check(&instance.post(&path(&carol), body).await, 204, "");
        assert_eq!(instance.log_in("carol", "correct+horse").await.status, 200);
        let dave = ask("dave").await;
        let _ = instance.letter().await;
        decide(&dave, "reject", "Not here.").await;
        assert_eq!(instance.letter().await.matter, Matter::Refused("Not here.".to_owned()));
    }
}

#[tokio::test]
async fn an_address_is_changed_when_it_is_proved() {
    for instance in mailing(Registration::Closed).await {
        let root = instance.root().await;
        let change = json!({ "email": "new@example.org", "currentPassword": instance.password });
        check(&instance.ask("PUT", "users/me", &root, change).await, 204, "");
        let me = async || instance.ask("GET", "users/me", &root, Value::Null).await.body;
        let now = me().await;
        assert_eq!((&now["email"], &now["pendingEmail"]), (&json!(""), &json!("new@example.org")));
        let letter = instance.letter().await;
        assert_eq!(letter.address, "new@example.org");
        assert_eq!(parameter(&letter, "isPendingEmail"), "true");
        let body = json!({
            "verificationString": parameter(&letter, "verificationString"), "isPendingEmail": true,
        });
        check(&instance.post("users/1/verify-email", body).await, 204, "");
        let now = me().await;
        assert_eq!(
            (&now["email"], &now["pendingEmail"]),
            (&json!("new@example.org"), &Value::Null)
        );
    }
}

#[tokio::test]
async fn a_wanted_address_is_taken_back_by_the_present_one_and_by_another_password() {
    for instance in mailing(Registration::Closed).await {
        let id = instance.alice().await;
        let name = Username::parse("alice").unwrap();
        let first = instance.sidecar.reset_password(&name).await.unwrap().reveal().to_owned();
        let token = instance.token("alice", &first).await;
        let change = async |body: Value| {
            check(&instance.ask("PUT", "users/me", &token, body).await, 204, "");
            instance.ask("GET", "users/me", &token, Value::Null).await.body["pendingEmail"].clone()
        };
        let verify = async |letter: &Letter| {
            let secret = parameter(letter, "verificationString");
            let body = json!({ "verificationString": secret, "isPendingEmail": true });
            instance.post(&format!("users/{id}/verify-email"), body).await
        };
        let wanted = json!({ "email": "eve@example.org", "currentPassword": first });
        assert_eq!(change(wanted.clone()).await, "eve@example.org");
        let letter = instance.letter().await;
        let kept = json!({ "email": "alice@example.org", "currentPassword": first });
        assert_eq!(change(kept).await, Value::Null);
        check(&verify(&letter).await, 403, FORGED);

        assert_eq!(change(wanted).await, "eve@example.org");
        let other = json!({ "password": "correct horse", "currentPassword": first });
        assert_eq!(change(other).await, Value::Null);
        let late = instance.sidecar.next_letter().await.unwrap();
        assert_eq!(late, None, "the password is set since it was asked for");

        let both = json!({
            "email": "new@example.org", "password": "battery staple", "currentPassword": "correct horse",
        });
        assert_eq!(change(both).await, "new@example.org");
        check(&verify(&instance.letter().await).await, 204, "");
        let wanted = json!({ "email": "bob@example.org", "currentPassword": "battery staple" });
        assert_eq!(change(wanted).await, "bob@example.org");
        let (database, hash) = (&instance.sidecar.database, token::hash("mailed"));
        let about = "new@example.org".to_owned();
        let ticket = Ticket { user_id: Some(id), registration_id: None, about };
        let issue = ticket::issue(database, 5, &hash, Purpose::Reset, &ticket, now_ms() + 60_000);
        issue.await.unwrap();
        let reset = json!({ "verificationString": "mailed", "password": "correct horse" });
        check(&instance.post(&format!("users/{id}/reset-password"), reset).await, 204, "");
        assert_eq!(instance.sidecar.next_letter().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_name_like_an_address_of_the_network_uses_up_nobody_s_letters() {
    for mut instance in mailing(Registration::Closed).await {
        instance.sidecar.elapsed = |_| Time::from_secs(9);
        let name = Username::parse("127.0.0.1").unwrap();
        let password = instance.sidecar.create_user(&name, None, Role::User).await.unwrap();
        let token = instance.token("127.0.0.1", password.reveal()).await;
        for no in 0..30 {
            let body = json!({ "email": format!("nobody{no}@example.org") });
            check(&instance.post("users/ask-reset-password", body).await, 204, "");
        }
        let body = json!({ "email": "a@example.org", "currentPassword": password.reveal() });
        check(&instance.ask("PUT", "users/me", &token, body).await, 204, "");
    }
}

#[tokio::test]
async fn a_house_without_mail_says_so_and_promises_none() {
    let [mut instance, _] = instances(Registration::Open).await;
    instance.sidecar.settings.requires_email_verification = true;
    for path in ["users/ask-reset-password", "users/ask-send-verify-email"] {
        let refused = instance.post(path, json!({ "email": "a@example.org" })).await;
        check(&refused, 403, "This server sends no mail: ask whoever runs it.");
        assert_eq!(refused.body["code"], "no_mail");
    }
    let told = async |instance: &Instance| {
        let config = instance.ask("GET", "config", "", Value::Null).await.body;
        (config["email"]["enabled"].clone(), config["signup"]["requiresEmailVerification"].clone())
    };
    assert_eq!(told(&instance).await, (json!(false), json!(false)));
    instance.sidecar.send_letters();
    assert_eq!(told(&instance).await, (json!(true), json!(true)));
}

#[tokio::test]
async fn a_letter_is_tried_again_until_it_is_given_up() {
    for instance in mailing(Registration::Closed).await {
        instance.alice().await;
        let ask = async || {
            let body = json!({ "email": "alice@example.org" });
            check(&instance.post("users/ask-reset-password", body).await, 204, "");
            instance.sidecar.next_letter().await.unwrap().unwrap()
        };
        let letter = ask().await;
        assert_eq!(instance.sidecar.next_letter().await.unwrap(), None, "somebody has it");
        let fate =
            async |letter: &Letter, trouble| instance.sidecar.note_unsent(letter, trouble).await;
        assert_eq!(fate(&letter, Trouble::ForNow).await.unwrap(), Fate::Later);
        let mut last = letter;
        last.attempts = LETTER_ATTEMPTS;
        assert_eq!(fate(&last, Trouble::ForNow).await.unwrap(), Fate::GivenUp);
        assert_eq!(fate(&ask().await, Trouble::ForGood).await.unwrap(), Fate::GivenUp);
    }
}
