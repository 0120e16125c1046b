//! Who another server says that somebody is, and what it may not say. Attacks are those of Mastodon's, PeerTube's, Misskey's and
//! other advisories, by the number that they have.

use serde_json::json;

use super::*;
use crate::api::tests::{Instance, instances};
use crate::config::Registration;
use crate::federation::elsewhere::Elsewhere;
use crate::federation::object::tests::recorded;
use crate::table::channel;

async fn meeting() -> [Instance; 2] {
    let mut both = instances(Registration::Closed).await;
    for instance in &mut both {
        instance.sidecar.meet_elsewhere().await;
    }
    both
}

impl Instance {
    async fn person(&self, elsewhere: &Elsewhere, path: &str) -> Result<RemoteActor, PersonError> {
        self.sidecar.person(&elsewhere.remote(path), &mut Budget(9)).await
    }

    #[track_caller]
    fn refuses(found: Result<RemoteActor, PersonError>, wanted: &str) {
        let error = found.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn a_channel_comes_with_its_owner_and_is_not_asked_for_again() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let boats = instance.person(&elsewhere, "/video-channels/root_channel").await.unwrap();
        assert!(boats.is(Kind::Channel));
        let kept = channel::by_id(&instance.sidecar.database, boats.id).await.unwrap().unwrap();
        assert_eq!(kept.account_label, "root");
        assert_eq!(elsewhere.asked(), ["/video-channels/root_channel", "/accounts/root"]);
        instance.person(&elsewhere, "/video-channels/root_channel#main-key").await.unwrap();
        assert_eq!(elsewhere.asked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_page_leads_to_whom_it_shows() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        elsewhere.put("/a/root", &recorded("ap-account-root.json"));
        let root = instance.person(&elsewhere, "/a/root").await.unwrap();
        assert_eq!(root.url, elsewhere.url("/accounts/root"));
    }
}

#[tokio::test]
async fn cve_2024_23832_nobody_is_who_they_are_under_another_url() {
    for instance in meeting().await {
        let (elsewhere, victim) = (Elsewhere::start().await, Elsewhere::start().await);
        let mut stolen = recorded("ap-account-root.json");
        stolen["id"] = json!(victim.url("/accounts/root"));
        elsewhere.put("/accounts/thief", &stolen);
        Instance::refuses(instance.person(&elsewhere, "/accounts/thief").await, "hosts");
        // Not by leading there, either: then it is the victim who is asked.
        elsewhere.redirect("/accounts/guide", &victim.url("/accounts/root"));
        let found = instance.person(&elsewhere, "/accounts/guide").await.unwrap();
        assert_eq!(found.url, victim.url("/accounts/root"));
        // Nor by having the victim lead to what the thief says.
        victim.redirect("/redirect", &elsewhere.url("/accounts/thief"));
        Instance::refuses(instance.person(&victim, "/redirect").await, "hosts");
    }
}

#[tokio::test]
async fn cve_2024_25623_a_file_that_somebody_uploaded_is_no_actor() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let mut forged = recorded("ap-account-root.json");
        forged["id"] = json!(elsewhere.url("/uploads/1.json"));
        forged["publicKey"]["owner"] = forged["id"].clone();
        for kind in ["application/json", "text/html", "image/png", "application/octet-stream"] {
            elsewhere.put_as("/uploads/1.json", kind, &forged);
            Instance::refuses(instance.person(&elsewhere, "/uploads/1.json").await, "not wanted");
        }
        // Even one that comes as an object is that only under its own URL.
        elsewhere.put("/uploads/2.json", &recorded("ap-account-root.json"));
        elsewhere.refuse("/accounts/root", 404);
        Instance::refuses(instance.person(&elsewhere, "/uploads/2.json").await, "gone");
    }
}

#[tokio::test]
async fn a_key_that_says_that_it_is_anothers_is_nobodys() {
    for instance in meeting().await {
        let (elsewhere, victim) = (Elsewhere::start().await, Elsewhere::start().await);
        let mut stolen = recorded("ap-account-root.json");
        stolen["publicKey"]["owner"] = json!(victim.url("/accounts/root"));
        elsewhere.put("/accounts/root", &stolen);
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "another's");
    }
}

#[tokio::test]
async fn a_channel_is_nobodys_of_another_server() {
    for instance in meeting().await {
        let (elsewhere, victim) = (Elsewhere::start().await, Elsewhere::start().await);
        let mut stolen = recorded("ap-channel-root.json");
        stolen["attributedTo"] = json!([victim.url("/accounts/root"), 7, null, "relative"]);
        elsewhere.put("/video-channels/root_channel", &stolen);
        // It speaks, as what it is: nobody's channel.
        let found = instance.person(&elsewhere, "/video-channels/root_channel").await.unwrap();
        assert!(found.is(Kind::Person) && victim.asked().is_empty());
    }
}

#[tokio::test]
async fn cve_2025_32947_owners_of_owners_have_an_end() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        for no in 0..30 {
            let mut channel = recorded("ap-channel-root.json");
            let path = format!("/video-channels/c{no}");
            channel["id"] = json!(elsewhere.url(&path));
            channel["preferredUsername"] = json!(format!("c{no}"));
            channel["publicKey"]["owner"] = channel["id"].clone();
            channel["attributedTo"] = json!(elsewhere.url(&format!("/video-channels/c{}", no + 1)));
            elsewhere.put(&path, &channel);
        }
        Instance::refuses(
            instance.person(&elsewhere, "/video-channels/c0").await,
            "too many requests",
        );
        assert_eq!(elsewhere.asked().len(), 9);
    }
}

#[tokio::test]
async fn what_leads_from_one_to_the_next_is_not_followed() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        elsewhere.redirect("/1", &elsewhere.url("/2"));
        elsewhere.redirect("/2", &elsewhere.url("/accounts/root"));
        Instance::refuses(instance.person(&elsewhere, "/1").await, "redirects");
        elsewhere.redirect("/3", "file:///etc/passwd");
        Instance::refuses(instance.person(&elsewhere, "/3").await, "address");
    }
}

#[tokio::test]
async fn what_is_too_large_or_too_deep_is_no_actor() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let mut large = recorded("ap-account-root.json");
        large["summary"] = json!("x".repeat(2 << 20));
        elsewhere.put("/accounts/root", &large);
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "more than");
        let mut deep = json!(1);
        for _ in 0..60 {
            deep = json!([deep]);
        }
        let mut deeper = recorded("ap-account-root.json");
        deeper["summary"] = deep;
        elsewhere.put("/accounts/root", &deeper);
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "no JSON");
    }
}

#[tokio::test]
async fn a_handle_is_whose_server_says_so_and_nobody_elses() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let host = elsewhere.base.trim_start_matches("http://").to_owned();
        let finger = |name: &str| {
            format!("/.well-known/webfinger?resource=acct%3A{name}%40{}", host.replace(':', "%3A"))
        };
        let links = |path: &str| json!({ "subject": "x", "links": [{ "rel": "self", "type": "application/activity+json", "href": elsewhere.url(path) }] });
        elsewhere.put_as(&finger("Root"), "application/jrd+json", &links("/accounts/root"));
        elsewhere.put_as(&finger("ann"), "application/jrd+json", &links("/accounts/root"));
        let find = async |name: &str| instance.sidecar.finger(name, &host, &mut Budget(9)).await;
        assert_eq!(find("Root").await.unwrap().url, elsewhere.url("/accounts/root"));
        Instance::refuses(find("ann").await, "doesn't say who");
        Instance::refuses(find("nobody").await, "gone");
        let here = instance.sidecar.finger("root", "here.example", &mut Budget(0)).await;
        Instance::refuses(here, "doesn't say who");
        for host in ["evil.example/@", "a@b.example", "b.example?x=", "b.example#", ""] {
            let found = instance.sidecar.finger("ada", host, &mut Budget(9)).await;
            assert!(matches!(found, Err(PersonError::Id(_))), "{host}: {found:?}");
        }
    }
}

#[tokio::test]
async fn an_instance_is_whom_its_nodeinfo_names() {
    for instance in meeting().await {
        let (elsewhere, other) = (Elsewhere::start().await, Elsewhere::start().await);
        let host = elsewhere.base.trim_start_matches("http://").to_owned();
        let told = |url: String| json!({ "links": [{ "rel": super::APPLICATION, "href": url }] });
        let path = "/.well-known/nodeinfo";
        elsewhere.put_as(path, "application/json", &told(elsewhere.url("/accounts/peertube")));
        let found = instance.sidecar.instance_at(&host, &mut Budget(9)).await.unwrap();
        assert!(found.is(Kind::Instance));
        // Another server's actor is no word of this one.
        elsewhere.put_as(path, "application/json", &told(other.url("/accounts/peertube")));
        assert!(instance.sidecar.instance_at(&host, &mut Budget(9)).await.is_err());
        assert!(other.asked().is_empty());
    }
}

#[tokio::test]
async fn cve_2026_23961_who_is_blocked_is_not_asked() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let host = elsewhere.base.trim_start_matches("http://").to_owned();
        instance.sidecar.block(&host, None).await.unwrap();
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "blocked");
        assert!(elsewhere.asked().is_empty());
        instance.sidecar.unblock(&host).await.unwrap();
        instance.sidecar.block(&format!("root@{host}"), None).await.unwrap();
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "blocked");
        Instance::refuses(instance.person(&elsewhere, "/accounts/root").await, "blocked");
    }
}

#[tokio::test]
async fn a_server_that_was_built_anew_has_its_names_back_and_nobody_elses() {
    for instance in meeting().await {
        let elsewhere = Elsewhere::start().await;
        let old = instance.person(&elsewhere, "/accounts/root").await.unwrap();
        let mut anew = recorded("ap-account-root.json");
        anew["id"] = json!(elsewhere.url("/users/root"));
        anew["publicKey"]["owner"] = anew["id"].clone();
        elsewhere.put("/users/root", &anew);
        // Who is still there keeps their name, and isn't asked each time.
        Instance::refuses(instance.person(&elsewhere, "/users/root").await, "another actor");
        assert_eq!(elsewhere.asked(), ["/accounts/root", "/users/root", "/accounts/root"]);
        elsewhere.refuse("/accounts/root", 404);
        Instance::refuses(instance.person(&elsewhere, "/users/root").await, "another actor");
        assert_eq!(elsewhere.asked(), ["/users/root"]);
        instance.sidecar.attempts(|attempts, _| attempts.names_of.give_back(&old.handle()));
        let new = instance.person(&elsewhere, "/users/root").await.unwrap();
        assert!(new.id != old.id && new.handle() == old.handle());
        let database = &instance.sidecar.database;
        let found = remote_actor::by_handle(database, &old.handle()).await.unwrap().unwrap();
        assert_eq!(found.id, new.id);
        assert!(remote_actor::by_url(database, &old.url).await.unwrap().is_some());
    }
}
