//! Whose word an object is: the one rule by which everything from elsewhere is believed or not.
//!
//! host(signer) = host(id) = host(owner), for every type, after hosts were made one form. Nobody else's word makes, changes or
//! deletes what is ours, and nobody's makes a thing of another's.

use super::id::{Id, Remote};

/// Whether whoever signed may say that `id` is there, changed or gone, and `owner`'s.
///
/// # Errors
/// When it is ours, or another server's.
pub fn check(signer: &Remote, id: &Id, owner: &Id) -> Result<(), AuthorityError> {
    let id = id.remote().ok_or(AuthorityError::Ours)?;
    let owner = owner.remote().ok_or(AuthorityError::Ours)?;
    if id.authority() != signer.authority() || owner.authority() != signer.authority() {
        return Err(AuthorityError::Anothers);
    }
    Ok(())
}

/// Whether what was fetched from `source`, after its last redirect, may say that it is `id`.
///
/// # Errors
/// When it says that it is something else: what has another id is to be fetched from there.
pub fn check_fetched(source: &Remote, id: &Id, owner: &Id) -> Result<(), AuthorityError> {
    check(source, id, owner)?;
    let is_itself = id.remote().is_some_and(|id| id.document() == source.document());
    if is_itself { Ok(()) } else { Err(AuthorityError::Another) }
}

/// Why somebody's word isn't believed; the blame is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Nobody elsewhere speaks for us.
    #[error("an object of ours can't come from elsewhere")]
    Ours,
    /// Of a host that isn't the signer's.
    #[error("the hosts of signer, object and owner differ")]
    Anothers,
    /// Told under another URL than its own.
    #[error("the object has another id than the URL that it came from")]
    Another,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::id::{Local, Strictness};

    fn remote(text: &str) -> Remote {
        Remote::parse(text, Strictness::Public).unwrap()
    }

    #[track_caller]
    fn said(signer: &str, id: &str, owner: &str, wanted: Result<(), AuthorityError>) {
        let (id, owner) = (Id::Remote(remote(id)), Id::Remote(remote(owner)));
        assert_eq!(check(&remote(signer), &id, &owner), wanted, "{id:?} of {owner:?}");
    }

    #[test]
    fn a_host_speaks_for_its_own() {
        said("https://a.example/u/1", "https://a.example/v/1", "https://a.example/u/2", Ok(()));
        said("https://A.example/u/1", "https://a.example:443/v/1", "https://a.EXAMPLE/u/2", Ok(()));
    }

    #[test]
    fn no_host_speaks_for_another() {
        let no = Err(AuthorityError::Anothers);
        said("https://evil.example/u", "https://a.example/v", "https://evil.example/u", no);
        said("https://evil.example/u", "https://evil.example/v", "https://a.example/u", no);
        said("https://evil.example/u", "https://a.example/v", "https://a.example/u", no);
        said("https://b.a.example/u", "https://a.example/v", "https://a.example/u", no);
        said("https://a.example.evil.example/u", "https://a.example/v", "https://a.example/u", no);
    }

    #[test]
    fn nobody_speaks_for_us() {
        let signer = remote("https://a.example/u");
        let (theirs, ours) =
            (Id::Remote(signer.clone()), Id::Local(Local::Account("ada".to_owned())));
        assert_eq!(check(&signer, &ours, &theirs), Err(AuthorityError::Ours));
        assert_eq!(check(&signer, &theirs, &ours), Err(AuthorityError::Ours));
    }

    #[test]
    fn what_is_fetched_is_what_was_asked_for() {
        let id = Id::Remote(remote("https://a.example/v/1"));
        let owner = Id::Remote(remote("https://a.example/u"));
        let fetched = |from: &str| check_fetched(&remote(from), &id, &owner);
        assert_eq!(fetched("https://a.example/v/1"), Ok(()));
        assert_eq!(fetched("https://a.example/v/1#part"), Ok(()));
        // An upload that looks like an object lies under another URL of the same host.
        assert_eq!(fetched("https://a.example/uploads/1.json"), Err(AuthorityError::Another));
        assert_eq!(fetched("https://evil.example/v/1"), Err(AuthorityError::Anothers));
    }
}
