//! The files that pages load: player, styles, icon; inside the binary, compressed at build time.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use origin::Reply;
use origin::etag::Etag;
use rust_embed::RustEmbed;

/// What `cargo xtask` put into `www/dist`; in debug builds it is read from there when the process starts.
#[derive(RustEmbed)]
#[folder = "../www/dist"]
#[allow_missing = true]
struct Embedded;

/// All assets of this build.
pub(crate) struct Assets {
    files: BTreeMap<String, Asset>,
}

/// One file in every form that it can be sent in.
struct Asset {
    content_type: &'static str,
    /// The first characters of the SHA-256 of the plain form, in hex.
    hash: String,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

impl Assets {
    pub(crate) fn load() -> Assets {
        let read = |name: &str| {
            Embedded::get(name).map(|file| {
                let hash: String = file.metadata.sha256_hash()[..4]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                let bytes = match file.data {
                    std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
                };
                (bytes, hash)
            })
        };
        let files = Embedded::iter().filter_map(|name| {
            let content_type = content_type(&name)?;
            let (plain, hash) = read(&name)?;
            let form = |ending: &str| read(&format!("{name}.{ending}")).map(|(bytes, _)| bytes);
            Some((
                name.to_string(),
                Asset { content_type, hash, plain, brotli: form("br"), gzip: form("gz") },
            ))
        });
        Assets { files: files.collect() }
    }

    /// The URL of an asset, carrying its hash unless its name does; `None` if this build lacks it.
    pub(crate) fn url(&self, name: &str) -> Option<String> {
        let asset = self.files.get(name)?;
        Some(if is_hashed(name) { format!("/{name}") } else { format!("/{name}?v={}", asset.hash) })
    }

    /// The URL of the player's wasm.
    pub(crate) fn wasm_url(&self) -> Option<String> {
        let name = self
            .files
            .keys()
            .find(|name| name.starts_with("player-") && name.ends_with(".wasm"))?;
        self.url(name)
    }

    /// Answers GET and HEAD of an asset; `None` if `path` is none.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Option<Reply> {
        let name = request.uri().path().strip_prefix('/')?;
        let asset = self.files.get(name)?;
        let version = request.uri().query().and_then(|query| query.strip_prefix("v="));
        let is_lasting = is_hashed(name) || version == Some(&asset.hash);
        let mut reply = asset.answer(request.method(), request.headers());
        let lifetime =
            if is_lasting { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
        for (name, value) in [(header::CACHE_CONTROL, lifetime), (header::VARY, "Accept-Encoding")]
        {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        Some(reply)
    }
}

impl Asset {
    fn answer(&self, method: &Method, headers: &HeaderMap) -> Reply {
        let (body, encoding) = self.choose(headers);
        let etag = Etag::new(format_args!("{}{}", self.hash, encoding.unwrap_or_default()));
        let mut reply = Response::new(Full::default());
        reply.headers_mut().insert(header::ETAG, etag.value());
        for (name, value) in OPEN_TO_ALL {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if etag.is_known_to(headers) {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
            return reply;
        }
        reply
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        reply.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
        if let Some(encoding) = encoding {
            reply
                .headers_mut()
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if method != Method::HEAD {
            *reply.body_mut() = Full::new(body);
        }
        reply
    }

    /// The smallest form that the browser takes.
    fn choose(&self, headers: &HeaderMap) -> (Bytes, Option<&'static str>) {
        let forms = [(&self.brotli, "br"), (&self.gzip, "gzip")];
        let found = forms.into_iter().find_map(|(form, encoding)| {
            form.as_ref()
                .filter(|_| accepts(headers, encoding))
                .map(|bytes| (bytes.clone(), Some(encoding)))
        });
        found.unwrap_or_else(|| (self.plain.clone(), None))
    }
}

/// `Accept-Encoding` names the coding, and not with a quality of zero (RFC 9110 §12.5.3).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let values =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| {
        let (coding, quality) = part.split_once(';').unwrap_or((part, "q=1"));
        let quality = quality.trim().strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
        coding.trim().eq_ignore_ascii_case(encoding) && quality.is_some_and(|q| q > 0.0)
    })
}

/// `name-0123abcd.ext`, which `cargo xtask` writes for what changes its name with its content.
fn is_hashed(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// `None` for what is not served under its own name.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "json" => Some("application/json"),
        "svg" => Some("image/svg+xml"),
        "wasm" => Some("application/wasm"),
        _ => None,
    }
}

/// Pages of other hosts load the player.
const OPEN_TO_ALL: [(HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (HeaderName::from_static("cross-origin-resource-policy"), "cross-origin"),
    (HeaderName::from_static("timing-allow-origin"), "*"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> Assets {
        let asset = |brotli: bool| Asset {
            content_type: "text/css; charset=utf-8",
            hash: "0123abcd".into(),
            plain: "plain".into(),
            brotli: brotli.then(|| "br".into()),
            gzip: Some("gz".into()),
        };
        let files = [("site.css", true), ("small.css", false), ("player-0123abcd.wasm", true)];
        Assets { files: files.map(|(name, brotli)| (name.to_owned(), asset(brotli))).into() }
    }

    fn asked(path: &str, headers: &[(HeaderName, &'static str)]) -> Option<Reply> {
        let mut request = Request::builder().uri(path).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        assets().answer(&request)
    }

    #[track_caller]
    fn check_encoding(path: &str, accepted: &'static str, wanted: Option<&str>) {
        let reply = asked(path, &[(header::ACCEPT_ENCODING, accepted)]).unwrap();
        let found =
            reply.headers().get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(found, wanted, "{path} with {accepted}");
        assert_eq!(reply.headers()[header::VARY], "Accept-Encoding");
    }

    #[test]
    fn the_smallest_accepted_form_is_sent() {
        check_encoding("/site.css", "gzip, deflate, br, zstd", Some("br"));
        check_encoding("/site.css", "gzip", Some("gzip"));
        check_encoding("/site.css", "br;q=0, gzip;q=0.5", Some("gzip"));
        check_encoding("/site.css", "identity", None);
        check_encoding("/small.css", "br, gzip", Some("gzip"));
    }

    #[test]
    fn only_what_names_its_hash_is_kept_for_good() {
        #[track_caller]
        fn check(path: &str, is_lasting: bool) {
            let reply = asked(path, &[]).unwrap();
            let cache_control = reply.headers()[header::CACHE_CONTROL].to_str().unwrap();
            assert_eq!(cache_control.contains("immutable"), is_lasting, "{path}");
        }
        check("/site.css", false);
        check("/site.css?v=0123abcd", true);
        check("/site.css?v=stale", false);
        check("/player-0123abcd.wasm", true);
    }

    #[test]
    fn a_known_form_is_not_sent_again() {
        let known = [(header::IF_NONE_MATCH, "\"0123abcdbr\""), (header::ACCEPT_ENCODING, "br")];
        assert_eq!(asked("/site.css", &known).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert_eq!(asked("/site.css", &known[..1]).unwrap().status(), StatusCode::OK);
    }

    #[test]
    fn nothing_else_is_an_asset() {
        for path in
            ["/", "/site.css.br", "/../Cargo.toml", "/site%2ecss", "//site.css", "/unknown.js"]
        {
            assert!(asked(path, &[]).is_none(), "{path}");
        }
        assert_eq!(assets().url("site.css").as_deref(), Some("/site.css?v=0123abcd"));
        assert_eq!(assets().wasm_url().as_deref(), Some("/player-0123abcd.wasm"));
    }
}
