//! Whose a server is: who has a domain has all names below it, and a bound for each name would be none for them.

/// The domain that somebody registered of which a host is part, by the public suffix list; the host itself where that says nothing.
pub fn of(host: &str) -> &str {
    let known = psl::domain(host.as_bytes()).filter(|domain| domain.suffix().is_known());
    known.and_then(|domain| std::str::from_utf8(domain.as_bytes()).ok()).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_below_one_domain_is_of_one() {
        for (host, site) in [
            ("a.b.evil.com", "evil.com"),
            ("evil.com", "evil.com"),
            ("one.evil.co.uk", "evil.co.uk"),
            // Each has another's.
            ("ada.github.io", "ada.github.io"),
            ("one.shoal.test", "one.shoal.test"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("com", "com"),
            ("", ""),
        ] {
            assert_eq!(of(host), site, "{host}");
        }
    }
}
