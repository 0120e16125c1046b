//! Cookies of the pages: the one that says who is logged in, and how a request with it is known to come from a page of ours.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue};
use wire::id::VideoId;

/// The value of a cookie; of two with one name the first, which is the one of the longer path.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    pairs
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
}

/// A cookie for all pages that only the pages' own requests carry; `life` zero takes it away.
///
/// `value` has letters, digits, `-` and `_` alone.
pub fn set(name: &str, value: &str, life: Duration, public_url: &str) -> HeaderValue {
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let seconds = life.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// The password that opened a video's page before, as far as this browser keeps it.
pub fn video_password(headers: &HeaderMap, video: &VideoId) -> Option<String> {
    let kept = find(headers, &password_name(video))?;
    String::from_utf8(URL_SAFE_NO_PAD.decode(kept).ok()?).ok()
}

/// Has a browser keep the password of a video until it ends: whoever shares a computer doesn't share the password.
pub fn keep_video_password(video: &VideoId, password: &str, public_url: &str) -> HeaderValue {
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let (name, value) = (password_name(video), URL_SAFE_NO_PAD.encode(password));
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn password_name(video: &VideoId) -> String {
    format!("shoal_password_{}", video.short())
}

/// Whether a request that changes something comes from a page of this very host, as far as browsers tell.
///
/// Browsers since 2023 say it in `Sec-Fetch-Site`, older ones the page's origin; what says neither is no browser, and no
/// page can make one leave both out. The same rule as that of Go's `net/http.CrossOriginProtection`.
pub fn is_from_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    origin.zip(host).is_some_and(|((_, origin), host)| origin.eq_ignore_ascii_case(host))
}

/// Who is logged in on the pages.
pub const SESSION: &str = "shoal_session";

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = headers(&[("cookie", "a=1; shoal_session=x-y_z"), ("cookie", "b=; c")]);
        assert_eq!(find(&headers, SESSION), Some("x-y_z"));
        assert_eq!(find(&headers, "b"), Some(""));
        for absent in ["c", "session", "shoal", ""] {
            assert_eq!(find(&headers, absent), None, "{absent}");
        }
    }

    #[test]
    fn a_cookie_stays_with_its_host_and_is_kept_from_scripts() {
        let set = |url| set(SESSION, "x", Duration::from_secs(60), url);
        let plain = "shoal_session=x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax";
        assert_eq!(set("http://127.0.0.1:9000"), plain);
        assert_eq!(set("https://video.example"), &*format!("{plain}; Secure"));
    }

    #[test]
    fn the_password_of_a_video_is_kept_for_that_video_alone() {
        let video = VideoId::from_random([1; 16]);
        let kept = keep_video_password(&video, "open; sésame", "https://a.example");
        let kept = kept.to_str().unwrap();
        assert!(kept.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{kept}");
        let mut headers = HeaderMap::new();
        let pair = kept.split(';').next().unwrap();
        headers.insert(header::COOKIE, pair.parse().unwrap());
        assert_eq!(video_password(&headers, &video).as_deref(), Some("open; sésame"));
        assert_eq!(video_password(&headers, &VideoId::from_random([2; 16])), None);
    }

    #[track_caller]
    fn check(pairs: &[(&'static str, &'static str)], wanted: bool) {
        assert_eq!(is_from_own_page(&headers(pairs)), wanted, "{pairs:?}");
    }

    #[test]
    fn a_form_of_another_site_is_known() {
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "none")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("host", "a.example"), ("origin", "https://a.example")], true);
        check(&[("host", "a.example:9000"), ("origin", "http://A.example:9000")], true);
        check(&[("host", "a.example"), ("origin", "https://b.example")], false);
        check(&[("host", "a.example"), ("origin", "https://a.example.b.example")], false);
        check(&[("host", "a.example"), ("origin", "null")], false);
        check(&[("origin", "https://a.example")], false);
        check(&[("host", "a.example")], true);
        let both = [("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")];
        check(&both, false);
    }
}
