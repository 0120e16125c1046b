//! Which URLs name what, and which name nothing that we would ask.

use super::*;

fn place() -> Place {
    Place::new("https://one.example/", Strictness::Public).unwrap()
}

fn uuid() -> VideoId {
    "9c9de5e8-0a1e-484a-b099-e80766180a6d".parse().unwrap()
}

#[test]
fn what_we_have_is_read_as_it_is_written() {
    for local in [
        Local::Instance,
        Local::Account("ada".to_owned()),
        Local::Channel("ada_sails".to_owned()),
        Local::Video(uuid()),
        Local::Comment(uuid(), 17),
    ] {
        let url = place().url(&local);
        assert!(url.starts_with("https://one.example/"), "{url}");
        assert_eq!(place().read(&url), Ok(Id::Local(local)), "{url}");
    }
    let key = place().read("https://one.example/accounts/ada#main-key");
    assert_eq!(key, Ok(Id::Local(Local::Account("ada".to_owned()))));
}

#[test]
fn urls_of_ours_that_name_nothing_are_nobodys() {
    for path in [
        "",
        "/",
        "/accounts",
        "/accounts/",
        "/accounts/Ada",
        "/accounts/ada/",
        "/accounts/ada?page=1",
        "/accounts/a%64a",
        "/accounts/../accounts/ada/x",
        "/video-channels/admin<script>",
        "/videos/watch/17",
        "/videos/watch/9C9DE5E8-0A1E-484A-B099-E80766180A6D",
        "/videos/watch/kvNpqDRMpJ1e8nWtJX4uN5",
        "/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d/comments/017",
        "/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d/comments/-1",
        "/videos/watch/9c9de5e8-0a1e-484a-b099-e80766180a6d/comments/99999999999999999999",
    ] {
        assert_eq!(
            place().read(&format!("https://one.example{path}")),
            Err(IdError::Nothing),
            "{path}"
        );
    }
}

#[test]
fn hosts_are_compared_in_one_form() {
    let ours = Ok(Id::Local(Local::Instance));
    for text in [
        "https://ONE.example/accounts/peertube",
        "https://one.example:443/accounts/peertube",
        "HTTPS://one.Example/accounts/./peertube",
        "https://one。example/accounts/peertube",
    ] {
        assert_eq!(place().read(text), ours, "{text}");
    }
    let remote = Remote::parse("https://BÜCHER.example/a#b", Strictness::Public).unwrap();
    assert_eq!(remote.as_str(), "https://xn--bcher-kva.example/a#b");
    assert_eq!(remote.authority(), "xn--bcher-kva.example");
    assert_eq!((remote.target(), remote.document()), ("/a", "https://xn--bcher-kva.example/a"));
    let query = Remote::parse("https://a.example/b?c=d#e", Strictness::Public).unwrap();
    assert_eq!(query.target(), "/b?c=d");
}

#[test]
fn what_we_would_not_ask_is_named() {
    #[track_caller]
    fn check(text: &str, error: IdError) {
        assert_eq!(Remote::parse(text, Strictness::Public), Err(error), "{text}");
        assert_eq!(place().read(text), Err(error), "{text}");
    }
    check("", IdError::Unreadable);
    check("/accounts/ada", IdError::Unreadable);
    check("17", IdError::Unreadable);
    check("https://", IdError::Unreadable);
    check("http://a.example/b", IdError::Scheme);
    check("ftp://a.example/b", IdError::Scheme);
    check("javascript:alert(1)", IdError::Scheme);
    check("data:text/html,a", IdError::Scheme);
    check("unix:/run/docker.sock", IdError::Scheme);
    check("https://a:b@c.example/", IdError::Credentials);
    check("https://one.example@evil.example/accounts/ada", IdError::Credentials);
    check("https://a.example:8443/", IdError::Port);
    check("https://127.0.0.1/", IdError::Host);
    check("https://2130706433/", IdError::Host);
    check("https://0x7f.1/", IdError::Host);
    check("https://[::1]/", IdError::Host);
    check("https://localhost/", IdError::Host);
    check("https://one.example./accounts/ada", IdError::Host);
    check(&format!("https://a.example/{}", "b".repeat(2000)), IdError::Long);
    check(&format!("https://a.example/{}", "é".repeat(900)), IdError::Long);
}

#[test]
fn tests_may_have_ports_and_addresses() {
    let place = Place::new("http://127.0.0.1:9000", Strictness::Test).unwrap();
    assert_eq!(place.authority(), "127.0.0.1:9000");
    assert_eq!(
        place.read("http://127.0.0.1:9000/accounts/peertube"),
        Ok(Id::Local(Local::Instance))
    );
    let other = place.read("http://127.0.0.1:9010/accounts/peertube").unwrap();
    assert_eq!(other.remote().map(Remote::authority), Some("127.0.0.1:9010"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_an_id_or_an_error_and_an_id_stays_the_same(text in "(https://)?\\PC{0,80}") {
        if let Ok(remote) = Remote::parse(&text, Strictness::Public) {
            let again = Remote::parse(remote.as_str(), Strictness::Public).unwrap();
            proptest::prop_assert_eq!(&again, &remote);
            proptest::prop_assert!(!remote.authority().contains(['@', ':', '/', '#', '?']));
        }
    }
}
