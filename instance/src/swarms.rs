//! Which swarms the tracker admits: those of this instance's videos, as every family of players computes them.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use origin::library::Library;
use tracker::Admission;
use wire::identity::{
    Family, InfoHash, ManifestHash, PeerTubeHash, PositionHash, PropertyHash, StreamProperties,
};
use wire::playlist::Master;

use crate::config::Config;

/// The swarms of all videos that are open to all: of any other, nobody is told who else watches it.
#[derive(Debug)]
pub(crate) struct KnownSwarms {
    /// Under which addresses players may have loaded a video.
    bases: Vec<String>,
    is_open: bool,
    known: RwLock<HashSet<InfoHash>>,
    /// By the path of the master playlist: when it was written, and the swarms of its renditions.
    masters: Mutex<HashMap<String, (SystemTime, Vec<InfoHash>)>>,
    /// Of videos of other servers that were watched here, by the URL of the master playlist; the one watched last is the last.
    elsewhere: RwLock<Vec<(String, Vec<InfoHash>)>>,
}

impl KnownSwarms {
    /// Without any video yet. `address` is the one really listened on.
    pub(crate) fn new(config: &Config, address: SocketAddr) -> KnownSwarms {
        let mut bases = vec![config.public_url(address)];
        if config.server.public_url.is_none() {
            let hosts = ["127.0.0.1", "localhost", "[::1]"];
            bases.extend(hosts.map(|host| format!("http://{host}:{}", address.port())));
        }
        KnownSwarms {
            bases,
            is_open: config.tracker.open,
            known: RwLock::default(),
            masters: Mutex::default(),
            elsewhere: RwLock::default(),
        }
    }

    /// Whether viewers of a video of another server may meet here already; it is watched now.
    pub(crate) fn meets(&self, url: &str) -> bool {
        let mut elsewhere = self.elsewhere.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = elsewhere.iter().position(|(known, _)| known == url) else { return false };
        let known = elsewhere.remove(at);
        elsewhere.push(known);
        true
    }

    /// Lets viewers of a video of another server meet here, which was watched least is forgotten for it.
    pub(crate) fn meet(&self, url: &str, master: &Master) {
        let swarms = all_forms(url, master);
        let mut elsewhere = self.elsewhere.write().unwrap_or_else(PoisonError::into_inner);
        elsewhere.retain(|(known, _)| known != url);
        if elsewhere.len() >= ELSEWHERE {
            elsewhere.remove(0);
        }
        elsewhere.push((url.to_owned(), swarms));
    }

    /// Takes in what is published and lets go of what is withdrawn, for ever.
    pub(crate) async fn follow(self: Arc<KnownSwarms>, library: Library) {
        let mut ticks = tokio::time::interval(LOOK);
        let mut seen = None;
        loop {
            ticks.tick().await;
            let (swarms, library) = (Arc::clone(&self), library.clone());
            let looking = tokio::task::spawn_blocking(move || swarms.look(&library, seen));
            seen = looking.await.unwrap_or(None);
        }
    }

    /// Reads the library if it changed since `seen`, and tells what to compare with next time.
    pub(crate) fn look(&self, library: &Library, seen: Option<SystemTime>) -> Option<SystemTime> {
        let changed = library.changed_at().inspect_err(|error| tracing::warn!("{error}")).ok()?;
        if seen == Some(changed) {
            return seen;
        }
        match library.videos() {
            Ok(videos) => {
                let open = videos.iter().filter(|video| video.access.is_open());
                let paths = open.map(|video| format!("/hls/{}/{}", video.id, video.master));
                self.renew(&library.hls_dir(), paths);
            }
            Err(error) => {
                tracing::warn!("{error}");
                return None;
            }
        }
        // A change within the same tick of the file system's clock would look like none.
        let is_settled = changed.elapsed().is_ok_and(|elapsed| elapsed > LOOK);
        is_settled.then_some(changed)
    }

    /// Computes the swarms of master playlists that are new or were rewritten.
    fn renew(&self, hls: &Path, paths: impl Iterator<Item = String>) {
        let mut masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *masters);
        for path in paths {
            let file = hls.join(path.trim_start_matches("/hls/"));
            let Ok(written) = fs::metadata(&file).and_then(|metadata| metadata.modified()) else {
                continue;
            };
            let kept = before.remove(&path).filter(|(known, _)| *known == written);
            let swarms = kept.map(|(_, swarms)| swarms).or_else(|| {
                let master = fs::read_to_string(&file).ok()?.parse().ok()?;
                Some(self.swarms_of(&path, &master))
            });
            masters.extend(swarms.map(|swarms| (path, (written, swarms))));
        }
        let known = masters.values().flat_map(|(_, swarms)| swarms.iter().copied()).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn swarms_of(&self, path: &str, master: &Master) -> Vec<InfoHash> {
        let of = |base: &String| all_forms(&format!("{base}{path}"), master);
        self.bases.iter().flat_map(of).collect()
    }
}

/// The swarms of a master playlist's renditions, in every way that players are known to name them.
fn all_forms(swarm_id: &str, master: &Master) -> Vec<InfoHash> {
    let streams: Vec<_> = master.variants.iter().map(StreamProperties::of).collect();
    let manifest = ManifestHash { streams: &streams };
    let families: [&dyn Family; 4] = [&PropertyHash, &PositionHash, &manifest, &PeerTubeHash];
    let of =
        |(position, stream)| families.map(|family| family.info_hash(swarm_id, position, stream));
    streams.iter().enumerate().flat_map(of).collect()
}

impl Admission for KnownSwarms {
    fn admits(&self, info_hash: &InfoHash) -> bool {
        let known = || self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_elsewhere = || {
            let elsewhere = self.elsewhere.read().unwrap_or_else(PoisonError::into_inner);
            elsewhere.iter().any(|(_, swarms)| swarms.contains(info_hash))
        };
        self.is_open || known().contains(info_hash) || is_elsewhere()
    }
}

/// Videos of other servers whose viewers meet here, at 2 KB each: those that are watched just now.
const ELSEWHERE: usize = 500;

/// How often the folder of records is looked at, which costs one system call: a video's first viewers hardly come sooner.
const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use origin::library::Access;

    const PATH: &str = "/hls/38fda7c9-bbb7-464f-bb9b-d64d33f575c4/g1-master.m3u8";
    const ONE: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=309269,RESOLUTION=426x240,CODECS=\"avc1.640015,mp4a.40.2\"\ng1-240.m3u8\n";
    const TWO: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=309269,RESOLUTION=426x240,CODECS=\"avc1.640015,mp4a.40.2\"\ng1-240.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=854x480,CODECS=\"avc1.64001e,mp4a.40.2\"\ng1-480.m3u8\n";

    fn known(public_url: Option<&str>) -> KnownSwarms {
        let mut config = Config::default();
        config.server.public_url = public_url.map(|url| url.parse().unwrap());
        KnownSwarms::new(&config, "127.0.0.1:9000".parse().unwrap())
    }

    /// The swarms of one rendition.
    fn hashes(base: &str, position: usize) -> Vec<InfoHash> {
        let master: Master = TWO.parse().unwrap();
        let all = all_forms(&format!("{base}{PATH}"), &master);
        all.chunks(all.len() / 2).nth(position).unwrap().to_vec()
    }

    #[track_caller]
    fn check(swarms: &KnownSwarms, base: &str, position: usize, wanted: bool) {
        let hashes = hashes(base, position);
        assert!(
            hashes.len() == 4 && hashes.iter().all(|hash| swarms.admits(hash) == wanted),
            "{base}"
        );
    }

    fn publish(hls: &Path, master: &str) {
        let file = hls.join(PATH.trim_start_matches("/hls/"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, master).unwrap();
    }

    #[test]
    fn a_published_video_is_known_in_every_form() {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), ONE);
        let swarms = known(Some("https://videos.example.org"));
        let base = "https://videos.example.org";
        check(&swarms, base, 0, false);
        swarms.renew(folder.path(), [PATH.to_owned()].into_iter());
        check(&swarms, base, 0, true);
        check(&swarms, base, 1, false);
        check(&swarms, "http://localhost:9000", 0, false);
    }

    #[test]
    fn without_a_public_url_the_machine_s_own_names_count() {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), ONE);
        let swarms = known(None);
        swarms.renew(folder.path(), [PATH.to_owned()].into_iter());
        for base in ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"] {
            check(&swarms, base, 0, true);
        }
    }

    #[test]
    fn what_is_added_is_known_and_what_is_withdrawn_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        publish(folder.path(), ONE);
        let swarms = known(None);
        let base = "http://127.0.0.1:9000";
        swarms.renew(folder.path(), [PATH.to_owned()].into_iter());
        publish(folder.path(), TWO);
        let file = fs::File::open(folder.path().join(PATH.trim_start_matches("/hls/"))).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(9)).unwrap();
        swarms.renew(folder.path(), [PATH.to_owned()].into_iter());
        check(&swarms, base, 1, true);
        swarms.renew(folder.path(), std::iter::empty());
        check(&swarms, base, 0, false);
    }

    #[test]
    fn a_video_that_is_not_open_to_all_has_no_swarm() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::open(folder.path()).unwrap();
        publish(&library.hls_dir(), ONE);
        let id = PATH.split('/').nth(2).unwrap();
        let video = serde_json::json!({
            "id": id, "title": "a", "durationMs": 4000, "publishedAtMs": 1, "master": "g1-master.m3u8",
            "poster": "g1-poster.jpg", "renditions": [], "isImporting": false,
        });
        library.record(&serde_json::from_value(video).unwrap()).unwrap();
        let (swarms, base) = (known(None), "http://127.0.0.1:9000");
        let mut seen = None;
        for (access, wanted) in
            [(Access::Open, true), (Access::Capability, false), (Access::Open, true)]
        {
            library.set_access(&id.parse().unwrap(), access).unwrap();
            seen = swarms.look(&library, seen);
            check(&swarms, base, 0, wanted);
        }
    }

    #[test]
    fn viewers_of_a_video_elsewhere_meet_here_once_it_was_shown_here() {
        let swarms = known(Some("https://videos.example.org"));
        let base = "https://tube.example";
        let url = format!("{base}{PATH}");
        let master: Master = TWO.parse().unwrap();
        check(&swarms, base, 0, false);
        assert!(!swarms.meets(&url));
        swarms.meet(&url, &master);
        assert!(swarms.meets(&url));
        check(&swarms, base, 0, true);
        check(&swarms, base, 1, true);
        for no in 0..ELSEWHERE {
            swarms.meets(&url);
            swarms.meet(&format!("{base}/{no}/master.m3u8"), &ONE.parse().unwrap());
        }
        // The one that was watched all the time stayed.
        check(&swarms, base, 1, true);
        assert!(!swarms.meets(&format!("{base}/0/master.m3u8")));
    }

    #[test]
    fn an_open_tracker_admits_everything() {
        let mut config = Config::default();
        config.tracker.open = true;
        let swarms = KnownSwarms::new(&config, "127.0.0.1:9000".parse().unwrap());
        assert!(swarms.admits(&InfoHash([0; 20])));
    }
}
