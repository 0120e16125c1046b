//! The second factor as PeerTube's programs use it, and as those do who have no telephone, on both databases.

use serde_json::{Value, json};

use super::tests::{Answered, Instance, check, instances};
use crate::config::Registration;
use crate::field::Username;
use crate::pace::Time;
use crate::{now_ms, otp};

impl Instance {
    async fn log_in_with(&self, code: &str) -> Answered {
        let client = self.ask("GET", "oauth-clients/local", "", Value::Null).await.body;
        let (id, secret) = (client["client_id"].as_str(), client["client_secret"].as_str());
        let form = format!(
            "client_id={}&client_secret={}&grant_type=password&username=root&password={}",
            id.unwrap(),
            secret.unwrap(),
            self.password
        );
        self.ask("POST", "users/token", &format!("otp {code}"), form.into()).await
    }

    /// Turns the second factor of `root` on; returns the secret, and the token that did it.
    async fn armed(&self) -> (Vec<u8>, String) {
        let root = self.root().await;
        let body = json!({ "currentPassword": self.password });
        let made = self.ask("POST", "users/1/two-factor/request", &root, body).await.body;
        let made = &made["otpRequest"];
        let secret = unbase32(made["secret"].as_str().unwrap());
        assert!(made["uri"].as_str().unwrap().starts_with("otpauth://totp/Shoal:root?secret="));
        let body = json!({ "requestToken": made["requestToken"], "otpToken": code(&secret, -1) });
        let path = "users/1/two-factor/confirm-request";
        check(&self.ask("POST", path, &root, body.clone()).await, 204, "");
        let again = self.ask("POST", path, &root, body).await;
        check(&again, 400, "Two factor is already enabled.");
        (secret, root)
    }
}

/// The code of so many half minutes from now.
fn code(secret: &[u8], later: i64) -> String {
    format!("{:06}", otp::code_at(secret, otp::step_at(now_ms()) + later))
}

fn unbase32(text: &str) -> Vec<u8> {
    let bits = text.bytes().flat_map(|letter| {
        let at = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter);
        (0..5).rev().map(move |bit| at.unwrap() >> bit & 1 == 1)
    });
    let bits: Vec<bool> = bits.collect();
    let byte = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}

#[tokio::test]
async fn each_login_needs_a_code_that_was_not_used() {
    for instance in instances(Registration::Closed).await {
        let (secret, root) = instance.armed().await;
        let me = instance.ask("GET", "users/me", &root, Value::Null).await.body;
        assert_eq!(me["twoFactorEnabled"], true);
        let missing = instance.log_in_with("").await;
        check(&missing, 401, "Missing two factor header");
        assert_eq!(missing.body["code"], "missing_two_factor");
        assert_eq!(missing.headers["x-peertube-otp"], "required; app");
        for wrong in [&code(&secret, -1), "000 00", "abcdef", "1234567"] {
            let refused = instance.log_in_with(wrong).await;
            check(&refused, 400, "Invalid two factor header");
            assert_eq!(refused.body["code"], "invalid_two_factor");
        }
        let good = code(&secret, 1);
        assert_eq!(instance.log_in_with(&good).await.status, 200);
        check(&instance.log_in_with(&good).await, 400, "Invalid two factor header");
        check(&instance.log_in_with(&code(&secret, 0)).await, 400, "Invalid two factor header");
    }
}

#[tokio::test]
async fn wrong_codes_are_counted_and_those_of_many_at_once_too() {
    let [mut instance, _] = instances(Registration::Closed).await;
    instance.sidecar.elapsed = |_| Time::from_secs(9);
    let (secret, _) = instance.armed().await;
    let guesses = (0..15).map(|_| instance.log_in_with("abc"));
    let answered = futures_util::future::join_all(guesses).await;
    assert_eq!(answered.iter().filter(|answered| answered.status == 429).count(), 5);
    assert_eq!(instance.log_in_with(&code(&secret, 1)).await.status, 429);
    instance.sidecar.elapsed = |_| Time::from_secs(9 + 600);
    assert_eq!(instance.log_in_with(&code(&secret, 1)).await.status, 200);
}

#[tokio::test]
async fn only_its_owner_sets_it_up_and_only_with_the_password() {
    for instance in instances(Registration::Closed).await {
        let (secret, root) = instance.armed().await;
        let name = Username::parse("alice").unwrap();
        let password = instance.sidecar.create_user(&name, None, crate::role::Role::User).await;
        let password = password.unwrap().reveal().to_owned();
        let alice = instance.token("alice", &password).await;
        let post = async |token: &str, path: &str, body: Value| {
            instance.ask("POST", &format!("users/{path}"), token, body).await
        };
        let body = json!({ "currentPassword": password });
        let theirs = "User does not have right to change two factor setting of this user.";
        for what in ["request", "disable", "confirm-request"] {
            let path = format!("1/two-factor/{what}");
            check(&post(&alice, &path, body.clone()).await, 403, theirs);
        }
        let mine = post(&alice, "2/two-factor/request", body.clone()).await.body;
        let token = mine["otpRequest"]["requestToken"].clone();
        let confirm = async |token: &Value, code: &str| {
            let body = json!({ "requestToken": token, "otpToken": code });
            post(&alice, "2/two-factor/confirm-request", body).await
        };
        check(&confirm(&json!("guessed"), "123456").await, 403, "Invalid request token");
        check(&confirm(&token, &code(&secret, 0)).await, 403, "Invalid OTP token");
        let wrong = json!({ "currentPassword": "wrong" });
        check(
            &post(&root, "1/two-factor/disable", wrong).await,
            401,
            "currentPassword is invalid.",
        );
        check(
            &post(&root, "1/two-factor/disable", json!({})).await,
            400,
            "currentPassword is missing",
        );
        let right = json!({ "currentPassword": instance.password });
        check(&post(&root, "1/two-factor/disable", right.clone()).await, 204, "");
        let again = post(&root, "1/two-factor/disable", right).await;
        check(&again, 400, "Two factor is already disabled.");
        assert_eq!(instance.log_in_with("").await.status, 200);
    }
}

#[tokio::test]
async fn the_secret_lies_sealed_and_a_host_can_take_it_away() {
    for instance in instances(Registration::Closed).await {
        let (secret, _) = instance.armed().await;
        let user = crate::table::user::by_id(&instance.sidecar.database, 1).await.unwrap().unwrap();
        let kept = user.otp_secret.unwrap();
        assert!(!kept.contains(&otp::base32(&secret)));
        assert_eq!(instance.sidecar.seal.open(1, &kept), Some(secret));
        assert_eq!(
            instance.sidecar.seal.open(2, &kept),
            None,
            "nobody gets in by another's secret"
        );
        instance.sidecar.disable_two_factor(&Username::parse("root").unwrap()).await.unwrap();
        assert_eq!(instance.log_in_with("").await.status, 200);
    }
}
