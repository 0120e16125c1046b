//! With whom this instance has nothing to do: asked in one place by whatever receives, fetches, sends or shows.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::Sidecar;
use crate::now_ms;
use crate::table::block::{self, Block};
use crate::table::follow;

/// Blocked servers and people, in memory.
#[derive(Debug, Default)]
pub(crate) struct Blocks(RwLock<Arc<HashSet<String>>>);

impl Sidecar {
    /// Whether a server, or somebody of it (`name@host`), is blocked; a server's name stands for those below it, too.
    pub(crate) fn is_blocked(&self, host: &str, handle: Option<&str>) -> bool {
        self.blocks.has(host, handle)
    }

    /// Reads again who is blocked, as another process may have changed it.
    pub(crate) async fn load_blocks(&self) -> sqlx::Result<()> {
        let found = block::all(&self.database).await?;
        self.blocks.set(found.into_iter().map(|found| found.target).collect());
        Ok(())
    }

    /// Those who are blocked, the newest first.
    pub(crate) async fn blocked(&self) -> sqlx::Result<Vec<Block>> {
        block::all(&self.database).await
    }

    /// Blocks `host` or `name@host`: nobody of it follows or is followed any more, which they are told and then nothing, and nothing
    /// of it is listed. `false` if that is no such thing, or too many are.
    pub(crate) async fn block(&self, target: &str, reason: Option<&str>) -> sqlx::Result<bool> {
        let Some(target) = target_of(target) else { return Ok(false) };
        let is_done = block::set(&self.database, now_ms(), &target, reason).await?;
        self.load_blocks().await?;
        if let Err(error) = self.take_leave().await {
            tracing::warn!("who is blocked isn't told that follows end: {error}");
        }
        follow::end_blocked(&self.database).await?;
        self.relist().await?;
        Ok(is_done)
    }

    /// Takes that back; `false` if there was no such block.
    pub(crate) async fn unblock(&self, target: &str) -> sqlx::Result<bool> {
        let Some(target) = target_of(target) else { return Ok(false) };
        let is_done = block::end(&self.database, &target).await?;
        self.load_blocks().await?;
        self.relist().await?;
        Ok(is_done)
    }
}

impl Blocks {
    fn set(&self, targets: HashSet<String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(targets);
    }

    fn has(&self, host: &str, handle: Option<&str>) -> bool {
        let blocked = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        if blocked.is_empty() {
            return false;
        }
        if handle.is_some_and(|handle| blocked.contains(handle)) || blocked.contains(host) {
            return true;
        }
        // The name without its port, and the names above it: wildcards in the DNS are free.
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let above = name.match_indices('.').filter_map(|(at, _)| name.get(at + 1..));
        std::iter::once(name).chain(above).any(|name| blocked.contains(name))
    }
}

/// As it is compared: in lower case, without an `@` before it, its host as the DNS has it.
fn target_of(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let text = text.strip_prefix('@').unwrap_or(&text);
    let (name, host) = match text.split_once('@') {
        Some((name, host)) => (Some(name), host),
        None => (None, text),
    };
    let url = url::Url::parse(&format!("https://{host}/")).ok()?;
    let is_bare = url.path() == "/" && url.username().is_empty() && url.query().is_none();
    let host = url.host_str().filter(|host| is_bare && host.contains('.'))?;
    let host = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
    match name {
        Some(name) if name.is_empty() || name.len() > MOST_NAME => None,
        Some(name) => Some(format!("{name}@{host}")),
        None => Some(host),
    }
}

/// Bytes of a name that anybody has.
const MOST_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(targets: &[&str]) -> Blocks {
        let blocks = Blocks::default();
        blocks.set(targets.iter().filter_map(|target| target_of(target)).collect());
        blocks
    }

    #[test]
    fn a_blocked_server_is_blocked_with_all_below_it() {
        let blocks = blocks(&["Evil.example", "@Mallory@good.example"]);
        for host in ["evil.example", "a.evil.example", "a.b.evil.example", "evil.example:8443"] {
            assert!(blocks.has(host, None), "{host}");
        }
        for host in ["good.example", "notevil.example", "evil.example.org", "example"] {
            assert!(!blocks.has(host, None), "{host}");
        }
    }

    #[test]
    fn somebody_is_blocked_by_their_handle() {
        let blocks = blocks(&["@Mallory@good.example"]);
        assert!(blocks.has("good.example", Some("mallory@good.example")));
        assert!(!blocks.has("good.example", Some("ada@good.example")));
        assert!(!blocks.has("good.example", None));
    }

    #[test]
    fn only_hosts_and_handles_are_blocked() {
        assert_eq!(target_of(" @A@B.example "), Some("a@b.example".to_owned()));
        assert_eq!(target_of("bücher.example"), Some("xn--bcher-kva.example".to_owned()));
        for text in ["", "@", "example", "a.example/path", "@@a.example", "a@", "a b.example"] {
            assert_eq!(target_of(text), None, "{text}");
        }
    }
}
