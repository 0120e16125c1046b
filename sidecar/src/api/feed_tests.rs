//! Feeds, oEmbed and the sitemap, on both databases.

use http::Uri;
use http_body_util::BodyExt;
use serde_json::Value;

use super::tests::{Instance, instances};
use crate::config::Registration;
use crate::table::video::{About, Privacy, tests::about};

impl Instance {
    async fn read(&self, path: &str) -> (u16, String, String) {
        let uri: Uri = path.parse().unwrap();
        let (head, body) = self.sidecar.answer_public(&uri).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let kind = head.headers["content-type"].to_str().unwrap().to_owned();
        (head.status.as_u16(), kind, String::from_utf8(bytes.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn feeds_have_what_is_public_and_nothing_ends_their_tags() {
    for instance in instances(Registration::Closed).await {
        let evil = "</title><script>alert(1)</script>]]>";
        let described = About { description: Some(evil.to_owned()), ..about(evil) };
        let (_, uuid) = instance.publish("alice", described).await;
        instance.publish("bob", about("The sea")).await;
        instance.publish("bob", About { privacy: Privacy::Unlisted, ..about("Hidden") }).await;
        for (path, wanted) in [
            ("videos.xml", "application/rss+xml"),
            ("videos.atom", "application/atom+xml"),
            ("videos.json", "application/feed+json"),
            ("podcast/videos.xml?videoChannelName=alice_channel", "application/rss+xml"),
        ] {
            let (status, kind, text) = instance.read(&format!("/feeds/{path}")).await;
            assert!(status == 200 && kind.starts_with(wanted), "{path}: {status} {kind}");
            assert!(!text.contains("Hidden"), "{path}");
            if !path.ends_with("json") {
                assert!(
                    !text.contains("<script>") && text.contains("&lt;script&gt;"),
                    "{path}: {text}"
                );
                assert_eq!(text.matches("<title>").count(), text.matches("</title>").count());
            }
            let is_one = path.contains("alice");
            assert_eq!(text.contains("The sea"), !is_one, "{path}");
        }
        let feed: Value =
            serde_json::from_str(&instance.read("/feeds/videos.json").await.2).unwrap();
        let recorded: Value =
            serde_json::from_str(include_str!("../../fixtures/feed-videos.json")).unwrap();
        let short = uuid.parse::<wire::id::VideoId>().unwrap().short();
        let item =
            feed["items"].as_array().unwrap().iter().find(|item| item["title"] == evil).unwrap();
        assert_eq!(item["url"], format!("http://127.0.0.1:9000/w/{short}"));
        // A house without a picture; markdown that pages render, and not feeds; no categories.
        assert_eq!(
            super::tests::differences("", &feed, &recorded),
            [
                "/icon is lacking",
                "/items/0/content_html is lacking",
                "/items/0/tags is lacking",
                "/items/0/content_text is unknown",
                "/items/0/image is unknown",
            ]
        );
        for path in
            ["videos.xml?videoChannelId=99", "videos.xml?accountName=x", "podcast/videos.xml"]
        {
            assert_eq!(instance.read(&format!("/feeds/{path}")).await.0, 404, "{path}");
        }
        let of_account = instance.read("/feeds/videos.atom?accountName=bob").await.2;
        assert!(of_account.contains("The sea") && !of_account.contains("script"));
        assert!(
            instance.sidecar.answer_public(&"/feeds/videos.exe".parse().unwrap()).await.is_none()
        );
    }
}

#[tokio::test]
async fn a_frame_is_told_for_what_everybody_may_see() {
    for instance in instances(Registration::Closed).await {
        let (_, uuid) = instance.publish("alice", about("\"><script>")).await;
        let (_, hidden) =
            instance.publish("alice", About { privacy: Privacy::Private, ..about("Hidden") }).await;
        let ask = async |url: &str, rest: &str| {
            let url: String = form_urlencoded::byte_serialize(url.as_bytes()).collect();
            instance.read(&format!("/services/oembed?url={url}{rest}")).await
        };
        let watch = format!("http://127.0.0.1:9000/w/{uuid}?start=5s&onload=x&title=%22%3E");
        let (status, _, text) = ask(&watch, "&maxwidth=300").await;
        let told: Value = serde_json::from_str(&text).unwrap();
        let recorded: Value =
            serde_json::from_str(include_str!("../../fixtures/oembed.json")).unwrap();
        assert_eq!(super::tests::differences("", &told, &recorded), [""; 0]);
        let html = told["html"].as_str().unwrap();
        let source =
            format!("src=\"http://127.0.0.1:9000/videos/embed/{uuid}?start=5s&amp;title=%22%3E\"");
        assert!(html.contains(&source) && html.contains("width=\"300\""), "{html}");
        assert!(status == 200 && !html.contains("<script>"), "{html}");
        for url in [
            format!("http://127.0.0.1:9000/w/{hidden}"),
            format!("https://example.org/w/{uuid}"),
            format!("http://127.0.0.1:9000.example.org/w/{uuid}"),
            String::new(),
        ] {
            assert_eq!(ask(&url, "").await.0, 404, "{url}");
        }
        assert_eq!(ask(&watch, "&format=xml").await.0, 501);
        assert_eq!(ask(&watch, "&maxheight=0").await.0, 400);
    }
}

#[tokio::test]
async fn the_sitemap_leads_to_videos_and_channels() {
    for instance in instances(Registration::Closed).await {
        let (_, uuid) = instance.publish("alice", about("Sea & <air>")).await;
        instance.publish("alice", About { privacy: Privacy::Internal, ..about("Hidden") }).await;
        let (status, kind, text) = instance.read("/sitemap.xml").await;
        assert!(status == 200 && kind.starts_with("application/xml"));
        let short = uuid.parse::<wire::id::VideoId>().unwrap().short();
        for part in [
            &format!("<loc>http://127.0.0.1:9000/w/{short}</loc>"),
            "Sea &amp; &lt;air&gt;",
            "/c/alice_channel</loc>",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("Hidden"));
    }
}
