//! What `shoal serve` tells other servers, by the URLs that they know.

use serde_json::json;
use tempfile::tempdir;

use crate::server::Shoal;

const OBJECT: &str = "Accept: application/activity+json";

#[test]
fn another_server_finds_an_account_by_its_handle_and_by_its_page() {
    let data = tempdir().unwrap();
    let server = Shoal::start(data.path(), &[("SHOAL_SERVER_PUBLIC_URL", "https://one.example")]);
    let found = server.get("/.well-known/webfinger?resource=acct:root@one.example", "");
    let id = "https://one.example/accounts/root";
    let own = found.body["links"].as_array().unwrap().iter().find(|link| link["rel"] == "self");
    assert_eq!(own.unwrap()["href"], id);
    for path in ["/accounts/root", "/a/root"] {
        let told = server.request(&format!("GET {path}\n{OBJECT}"), "", b"");
        assert_eq!((told.status, &told.body["id"]), (200, &json!(id)), "{path}");
        let key = &told.body["publicKey"];
        assert_eq!(key["owner"], id);
        assert!(key["publicKeyPem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
        let page = server.page(path);
        assert!(page.header("content-type").unwrap().starts_with("text/html"), "{path}");
        let link = page.header("link").unwrap();
        assert!(link.contains(id) && link.contains("application/activity+json"), "{link}");
    }
    // Who knows the instance's actor alone finds all that there is.
    let node = server.get("/.well-known/nodeinfo", "");
    let links = node.body["links"].as_array().unwrap();
    let actor = links.iter().find(|link| link["rel"].as_str().unwrap().ends_with("#Application"));
    assert_eq!(actor.unwrap()["href"], "https://one.example/accounts/peertube");
    let outbox = server.get("/accounts/peertube/outbox", "");
    assert_eq!((outbox.status, &outbox.body["type"]), (200, &json!("OrderedCollection")));
}

#[test]
fn nothing_is_told_under_ids_that_could_change_or_where_that_is_wished() {
    let data = tempdir().unwrap();
    for settings in [
        &[][..],
        &[("SHOAL_SERVER_PUBLIC_URL", "https://one.example:8443")],
        &[
            ("SHOAL_SERVER_PUBLIC_URL", "https://one.example"),
            ("SHOAL_FEDERATION_ENABLED", "false"),
        ],
    ] {
        let server = Shoal::start(data.path(), settings);
        let told = server.request(&format!("GET /accounts/root\n{OBJECT}"), "", b"");
        assert!(told.header("content-type").unwrap().starts_with("text/html"), "{settings:?}");
        assert_eq!(told.header("link"), None);
        assert_eq!(server.status("/.well-known/webfinger?resource=acct:root@one.example"), 404);
        assert_eq!(server.status("/accounts/peertube/outbox"), 404);
    }
}
