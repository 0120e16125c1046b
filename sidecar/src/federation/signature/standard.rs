//! RFC 9421: `Signature-Input` says what is signed, `Signature` has the signature, under the same label.

use std::time::SystemTime;

use http::Method;
use sfv::{BareItem, Dictionary, FieldType, InnerList, Item, List, ListEntry, Parser};

use super::{
    Claim, MOST_COVERED, Request, SignatureError, check_age, check_host, digest, moment, values,
};

/// The header that tells this form from the draft's.
pub(super) const INPUT: &str = "signature-input";

pub(super) fn read(request: &Request<'_>, now: SystemTime) -> Result<Claim, SignatureError> {
    let (label, input) = only(request, INPUT)?;
    let ListEntry::InnerList(input) = input else {
        return Err(SignatureError::Unreadable(INPUT));
    };
    let (signature_label, signature) = only(request, "signature")?;
    let ListEntry::Item(Item { bare_item: BareItem::ByteSequence(signature), .. }) = signature
    else {
        return Err(SignatureError::Unreadable("signature"));
    };
    if label != signature_label {
        return Err(SignatureError::Unreadable("signature"));
    }
    check_parameters(&input, now)?;
    let names = names(&input)?;
    check_covered(request, &names)?;
    let key_id = text_of(&input, "keyid").ok_or(SignatureError::Unreadable(INPUT))?;
    Ok(Claim { key_id, texts: vec![text(request, &names, input)?], signature })
}

/// The one member of a dictionary: several signatures could be of several people.
fn only(request: &Request<'_>, name: &'static str) -> Result<(String, ListEntry), SignatureError> {
    let said = values(request.headers, name).ok_or(SignatureError::Missing)?;
    let said: Dictionary =
        Parser::new(&said).parse().map_err(|_| SignatureError::Unreadable(name))?;
    if said.len() > 1 {
        return Err(SignatureError::Algorithm);
    }
    let only = said.into_iter().next().ok_or(SignatureError::Missing)?;
    Ok((only.0.as_str().to_owned(), only.1))
}

fn check_parameters(input: &InnerList, now: SystemTime) -> Result<(), SignatureError> {
    if text_of(input, "alg").is_some_and(|name| name != ALGORITHM) {
        return Err(SignatureError::Algorithm);
    }
    let created = seconds(input, "created")?.ok_or(SignatureError::Uncovered("created"))?;
    check_age(moment(created)?, now)?;
    match seconds(input, "expires")? {
        Some(expires) if moment(expires)? < now => Err(SignatureError::Stale),
        _ => Ok(()),
    }
}

fn text_of(input: &InnerList, name: &str) -> Option<String> {
    Some(input.params.get(name)?.as_string()?.as_str().to_owned())
}

fn seconds(input: &InnerList, name: &str) -> Result<Option<u64>, SignatureError> {
    let unreadable = SignatureError::Unreadable(INPUT);
    let Some(value) = input.params.get(name) else { return Ok(None) };
    let value = i64::from(value.as_integer().ok_or(unreadable)?);
    u64::try_from(value).map(Some).map_err(|_| unreadable)
}

/// What is covered; a component with a parameter of its own means something that nobody here sends.
fn names(input: &InnerList) -> Result<Vec<String>, SignatureError> {
    let unreadable = SignatureError::Unreadable(INPUT);
    if input.items.len() > MOST_COVERED {
        return Err(unreadable);
    }
    let mut names: Vec<String> = Vec::new();
    for item in &input.items {
        let name = item.bare_item.as_string().filter(|_| item.params.is_empty());
        let name = name.ok_or(unreadable)?.as_str();
        if name != name.to_ascii_lowercase() || names.iter().any(|known| known == name) {
            return Err(unreadable);
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn check_covered(request: &Request<'_>, names: &[String]) -> Result<(), SignatureError> {
    let covers = |name: &str| names.iter().any(|covered| covered == name);
    if !covers("@method") {
        return Err(SignatureError::Uncovered("@method"));
    }
    let has_path = covers("@request-target") || (covers("@path") && covers("@query"));
    let has_target = has_path && (covers("@authority") || covers("host"));
    if !has_target && !covers("@target-uri") {
        return Err(SignatureError::Uncovered("@target-uri"));
    }
    if covers("host") {
        check_host(&values(request.headers, "host").ok_or(SignatureError::Absent)?, request)?;
    }
    if covers(digest::STANDARD_NAME) {
        return digest::check_standard(request.headers, request.body);
    }
    if request.method == Method::POST || !request.body.is_empty() {
        return Err(SignatureError::Uncovered(digest::STANDARD_NAME));
    }
    Ok(())
}

/// The signature base (RFC 9421, section 2.5).
fn text(
    request: &Request<'_>,
    names: &[String],
    input: InnerList,
) -> Result<String, SignatureError> {
    let mut text = String::new();
    for name in names {
        let value = component(request, name).ok_or(SignatureError::Absent)?;
        text.push_str(&format!("\"{name}\": {value}\n"));
    }
    let said: List = vec![ListEntry::InnerList(input)];
    let said = said.serialize().ok_or(SignatureError::Unreadable(INPUT))?;
    text.push_str(&format!("\"@signature-params\": {said}"));
    Ok(text)
}

/// Section 2.2; what is sent is always over TLS, whatever stands before us.
fn component(request: &Request<'_>, name: &str) -> Option<String> {
    let authority = request.authority.to_ascii_lowercase();
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    Some(match name {
        "@method" => request.method.as_str().to_owned(),
        "@target-uri" => format!("https://{authority}{}", request.target),
        "@authority" => authority,
        "@scheme" => "https".to_owned(),
        "@request-target" => request.target.to_owned(),
        "@path" => path.to_owned(),
        "@query" => format!("?{query}"),
        name if name.starts_with('@') => return None,
        name => values(request.headers, name)?,
    })
}

/// RSASSA-PKCS1-v1_5 with SHA-256, in the registry's words.
const ALGORITHM: &str = "rsa-v1_5-sha256";
