//! Accounts of a running `shoal serve` over HTTP, and the commands about users beside it.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::server::{Shoal, password_in, run};

#[test]
fn the_first_start_tells_a_password_and_kill_9_loses_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Shoal::start(data.path(), &[]);
    let password = server.password.clone().unwrap();
    let token = server.token("root", &password);
    let me = server.get("/api/v1/users/me", &token);
    assert_eq!((me.status, &me.body["role"]["label"]), (200, &json!("Administrator")));
    server.kill();
    for file in ["shoal.sqlite", "shoal.sqlite-wal"] {
        let mode = fs::metadata(data.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read {file}");
    }
    let mut server = Shoal::start(data.path(), &[]);
    assert_eq!(server.get("/api/v1/users/me", &token).status, 200);
    server.token("root", &password);
    server.child.kill().unwrap();
    let mut rest = String::new();
    server.said.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "the second start tells no password");
}

#[test]
fn users_are_made_and_given_passwords_beside_the_running_server() {
    let data = tempfile::tempdir().unwrap();
    let made = ["user", "create", "alice", "--role", "moderator", "--email", "Alice@example.org"];
    let before = password_in(&run(&made, data.path()).unwrap());
    let server = Shoal::start(data.path(), &[]);
    let token = server.token("alice", &before);
    let me = server.get("/api/v1/users/me", &token).body;
    assert_eq!(
        (&me["role"]["label"], &me["email"]),
        (&json!("Moderator"), &json!("alice@example.org"))
    );
    let after = password_in(&run(&["user", "reset-password", "alice"], data.path()).unwrap());
    assert_eq!(server.get("/api/v1/users/me", &token).status, 401);
    assert_eq!(server.log_in_from("198.51.100.7", "alice", &before).status, 400);
    server.token("alice@example.org", &after);
    for (arguments, complaint) in [
        (&made[..3], "taken"),
        (&["user", "create", "bob", "--email", "alice@example.org"], "taken"),
        (&["user", "create", "Bob"], "may have a-z"),
        (&["user", "create", "bob", "--role", "king"], "administrator, moderator, user"),
        (&["user", "create", "bob", "--email", "nobody"], "must be an e-mail address"),
        (&["user", "reset-password", "bob"], "there is no user bob"),
    ] {
        let error = run(arguments, data.path()).unwrap_err();
        assert!(error.contains(complaint), "{arguments:?}: {error}");
    }
}

#[test]
fn guesses_are_counted_for_each_address_and_no_address_is_logged() {
    let data = tempfile::tempdir().unwrap();
    let server = Shoal::talkative("127.0.0.1:0", data.path());
    let password = server.password.clone().unwrap();
    let guess =
        |address: &str, no: u32| server.log_in_from(address, &format!("user{no}"), "guess").status;
    let refused = (0..40).position(|no| guess("203.0.113.77", no) == 429);
    assert!(refused.is_some_and(|no| no >= 20), "{refused:?}");
    let refused = server.log_in_from("203.0.113.77", "root", &password);
    assert!(refused.head.to_lowercase().contains("\r\nretry-after: "), "{}", refused.head);
    assert_eq!(guess("203.0.113.78", 0), 400);
    let log = server.kill();
    assert!(log.contains("wrong name or password"), "{log}");
    for secret in ["203.0.113.77", "198.51.100.7", "guess", "user17", &password] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn what_nobody_should_send_is_refused_by_name() {
    let data = tempfile::tempdir().unwrap();
    let server = Shoal::start(data.path(), &[]);
    let password = server.password.clone().unwrap();
    let token = server.token("root", &password);
    let put = |kind: &str, body: &[u8]| {
        server.request(&format!("PUT /api/v1/users/me\nContent-Type: {kind}"), &token, body)
    };
    assert_eq!(put("application/json", &vec![b' '; 70_000]).status, 413);
    assert_eq!(put("text/plain", b"a").status, 415);
    assert_eq!(put("application/json", b"{\"a\"").status, 400);
    let split = put("application/json", br#"{"displayName":"a\r\nSet-Cookie: b=c"}"#);
    assert_eq!(split.body["detail"], "Incorrect request parameters: displayName");
    assert!(!split.head.contains("Set-Cookie"), "{}", split.head);
    for path in ["users/me%0d%0aSet-Cookie:%20a=b", "users/..%2fme", "users/me;a", "users/me/x"] {
        let reply = server.get(&format!("/api/v1/{path}"), &token);
        assert_eq!((reply.status, reply.head.contains("Set-Cookie")), (404, false), "{path}");
    }
    for token in ["' OR 1=1 --", "%", "", &"x".repeat(8_000)] {
        assert_eq!(server.get("/api/v1/users/me", token).status, 401);
    }
    assert_eq!(server.get("/api/v1/users/me", &token).status, 200);
}
