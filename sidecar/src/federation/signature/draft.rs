//! draft-cavage-http-signatures-12: one header, `Signature: keyId="…",headers="(request-target) host date digest",signature="…"`.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{DATE, HOST};
use http::{HeaderName, Method};

use super::{
    Claim, MOST_COVERED, Request, SignatureError, check_age, check_host, digest, moment, values,
};

/// The header that has all of it.
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");

pub(super) fn read(request: &Request<'_>, now: SystemTime) -> Result<Claim, SignatureError> {
    let mut said = request.headers.get_all(SIGNATURE).iter();
    let header = said.next().ok_or(SignatureError::Missing)?;
    let unreadable = SignatureError::Unreadable("signature");
    if said.next().is_some() {
        return Err(unreadable);
    }
    let parameters = Parameters::read(header.to_str().map_err(|_| unreadable)?)?;
    if !parameters.algorithm.is_none_or(|name| ALGORITHMS.contains(&name)) {
        return Err(SignatureError::Algorithm);
    }
    let covered = parameters.covered()?;
    check_covered(request, &covered)?;
    parameters.check_time(request, &covered, now)?;
    let texts = targets(request).map(|target| text(request, &parameters, &covered, target));
    Ok(Claim {
        key_id: parameters.key_id.ok_or(unreadable)?.to_owned(),
        texts: texts.collect::<Result<_, _>>()?,
        signature: STANDARD
            .decode(parameters.signature.ok_or(unreadable)?)
            .map_err(|_| unreadable)?,
    })
}

/// What the header says; what isn't known is passed over.
#[derive(Debug, Default)]
struct Parameters<'a> {
    key_id: Option<&'a str>,
    algorithm: Option<&'a str>,
    headers: Option<&'a str>,
    signature: Option<&'a str>,
    created: Option<&'a str>,
    expires: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn read(mut rest: &'a str) -> Result<Parameters<'a>, SignatureError> {
        let unreadable = SignatureError::Unreadable("signature");
        let mut parameters = Parameters::default();
        loop {
            let (name, after) = rest.split_once('=').ok_or(unreadable)?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or(unreadable)?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            parameters.note(name.trim(), value)?;
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None if rest.is_empty() => return Ok(parameters),
                None => return Err(unreadable),
            }
        }
    }

    /// What is said twice could mean either.
    fn note(&mut self, name: &str, value: &'a str) -> Result<(), SignatureError> {
        let place = match name {
            "keyId" => &mut self.key_id,
            "algorithm" => &mut self.algorithm,
            "headers" => &mut self.headers,
            "signature" => &mut self.signature,
            "created" => &mut self.created,
            "expires" => &mut self.expires,
            _ => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(SignatureError::Unreadable("signature")),
        }
    }

    fn covered(&self) -> Result<Vec<String>, SignatureError> {
        let names = self.headers.unwrap_or("date").split_ascii_whitespace();
        let names: Vec<String> =
            names.take(MOST_COVERED + 1).map(str::to_ascii_lowercase).collect();
        let is_twice = names.iter().enumerate().any(|(no, name)| names[..no].contains(name));
        if names.len() > MOST_COVERED || is_twice {
            return Err(SignatureError::Unreadable("signature"));
        }
        Ok(names)
    }

    /// Every moment that is said must be near, whether or not it is the one that is covered.
    fn check_time(
        &self,
        request: &Request<'_>,
        covered: &[String],
        now: SystemTime,
    ) -> Result<(), SignatureError> {
        let covers = |name: &str| covered.iter().any(|covered| covered == name);
        if !covers("date") && !covers("(created)") {
            return Err(SignatureError::Uncovered("date"));
        }
        let unreadable = SignatureError::Unreadable("signature");
        if let Some(created) = self.created {
            check_age(moment(created.parse().map_err(|_| unreadable)?)?, now)?;
        }
        if let Some(expires) = self.expires
            && moment(expires.parse().map_err(|_| unreadable)?)? < now
        {
            return Err(SignatureError::Stale);
        }
        if covers("date") {
            let date = values(request.headers, DATE.as_str()).ok_or(SignatureError::Absent)?;
            let date = httpdate::parse_http_date(&date);
            check_age(date.map_err(|_| SignatureError::Unreadable("date"))?, now)?;
        }
        Ok(())
    }
}

fn check_covered(request: &Request<'_>, covered: &[String]) -> Result<(), SignatureError> {
    for name in [TARGET, "host"] {
        if !covered.iter().any(|covered| covered == name) {
            return Err(SignatureError::Uncovered(name));
        }
    }
    let host = values(request.headers, HOST.as_str()).ok_or(SignatureError::Absent)?;
    check_host(&host, request)?;
    let has_digest = covered.iter().any(|covered| covered == "digest");
    if has_digest {
        return digest::check(request.headers, request.body);
    }
    if request.method == Method::POST || !request.body.is_empty() {
        return Err(SignatureError::Uncovered("digest"));
    }
    Ok(())
}

/// With the query and without, which is PeerTube's way.
fn targets<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a str> {
    let short = request.target.split_once('?').map(|(path, _)| path);
    std::iter::once(request.target).chain(short)
}

fn text(
    request: &Request<'_>,
    parameters: &Parameters<'_>,
    covered: &[String],
    target: &str,
) -> Result<String, SignatureError> {
    let mut text = String::new();
    for name in covered {
        if !text.is_empty() {
            text.push('\n');
        }
        let value = match name.as_str() {
            TARGET => Some(format!("{} {target}", request.method.as_str().to_ascii_lowercase())),
            "(created)" => parameters.created.map(str::to_owned),
            "(expires)" => parameters.expires.map(str::to_owned),
            name => values(request.headers, name),
        };
        text.push_str(name);
        text.push_str(": ");
        text.push_str(&value.ok_or(SignatureError::Absent)?);
    }
    Ok(text)
}

const TARGET: &str = "(request-target)";

/// `hs2019` leaves it to the key, which is RSA here.
const ALGORITHMS: [&str; 2] = ["rsa-sha256", "hs2019"];
