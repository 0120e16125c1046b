//! Collections: how many there are, and pages of them.

use serde_json::{Value, json};

/// Of what is told page by page, newest first.
///
/// `url` is the collection's; `page` counts from 1 as in `?page=1`, and `None` is the collection itself.
pub(crate) fn object(url: &str, total: i64, page: Option<(i64, Vec<Value>)>) -> Value {
    let Some((page, items)) = page else {
        return json!({
            "@context": super::plain_context(),
            "id": url,
            "type": "OrderedCollection",
            "totalItems": total,
            "first": format!("{url}?page=1"),
        });
    };
    // Of what is only counted, there is no use in asking for more.
    let has_more = !items.is_empty() && page.saturating_mul(PAGE) < total;
    let mut object = json!({
        "@context": super::plain_context(),
        "id": format!("{url}?page={page}"),
        "type": "OrderedCollectionPage",
        "partOf": url,
        "orderedItems": items,
        "totalItems": total,
    });
    if has_more {
        object["next"] = json!(format!("{url}?page={}", page + 1));
    }
    if page > 1 {
        object["prev"] = json!(format!("{url}?page={}", page - 1));
    }
    object
}

/// Items on a page: as many as PeerTube has.
pub(crate) const PAGE: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::object::tests::unlike;

    #[test]
    fn collections_are_like_peertubes() {
        let url = "https://one.example/accounts/root/outbox";
        assert_eq!(unlike(&object(url, 1, None), "ap-account-outbox.json", &["@context"]), [""; 0]);
        let page = object(url, 1, Some((1, vec![json!("https://one.example/a")])));
        assert_eq!(unlike(&page, "ap-video-announces-page1.json", &["@context"]), [""; 0]);
    }

    #[test]
    fn pages_lead_to_each_other_and_end() {
        let page = |no: i64| object("https://one.example/o", 21, Some((no, vec![json!(no)])));
        assert_eq!(page(1)["next"], "https://one.example/o?page=2");
        assert_eq!(page(1).get("prev"), None);
        assert_eq!(page(2)["next"], "https://one.example/o?page=3");
        assert_eq!(page(3).get("next"), None);
        assert_eq!(page(3)["prev"], "https://one.example/o?page=2");
        assert_eq!(page(i64::MAX).get("next"), None);
        let counted = object("https://one.example/o", 21, Some((1, Vec::new())));
        assert_eq!((&counted["totalItems"], counted.get("next")), (&json!(21), None));
    }
}
