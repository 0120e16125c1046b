//! `shoal serve`, `shoal origin`, `shoal tracker` and `shoal sidecar`: the process from its first listening to its last answer.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use http::Request;
use hyper::body::Incoming;
use origin::library::Library;
use origin::metrics::Metrics;
use origin::uploads::Uploads;
use origin::{Origin, connections, limits, shutdown};
use sidecar::federation::id::{Place, Strictness};
use sidecar::{Administrator, Sidecar, UserError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracker::Tracker;
use wire::capability::Key;

use crate::alone::Alone;
use crate::catalogue::Catalogue;
use crate::companion::Companions;
use crate::config::Config;
use crate::download::Desk;
use crate::export::Exporter;
use crate::federating;
use crate::fetching::Importer;
use crate::hired::{self, Hired};
use crate::key;
use crate::live::Live;
use crate::portrait::Portraits;
use crate::post::PostOffice;
use crate::sent::at_once;
use crate::signing;
use crate::site::Site;
use crate::swarms::KnownSwarms;
use crate::upload::Door;
use crate::worker::Worker;

/// Which parts of an instance this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Pages, player and media.
    Everything,
    /// Media alone.
    Origin,
    /// The tracker alone.
    Tracker,
    /// Accounts and catalogue alone.
    Sidecar,
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(mut config: Config, library: Library, part: Part) -> anyhow::Result<()> {
    if config.is_for_this_machine() {
        config.tracker.keep_to_loopback();
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    let (granted, wanted) = (limits::raise_open_files(), config.open_files());
    if granted < wanted {
        tracing::warn!(
            "{granted} open files are allowed, {wanted} may be needed: raise `ulimit -n`"
        );
    }
    runtime.block_on(async {
        let listener = listen(config.server.listen).await?;
        let address = listener.local_addr().context("cannot tell the port")?;
        let asked_to_end = shutdown::on_signal().context("cannot listen to signals")?;
        let key = key::ensure(&config.server.data)?;
        if matches!(part, Part::Everything | Part::Origin) {
            signing::ensure(&config.server.data)?;
        }
        let opened = match part {
            Part::Everything | Part::Sidecar => {
                Some(open(&config, address, key.clone(), library.clone()).await?)
            }
            Part::Origin | Part::Tracker => None,
        };
        announce(address, &config)?;
        if let Some((_, Some(made))) = &opened {
            say(&format!("administrator: {}\npassword: {}", made.name, made.password.reveal()))?;
        }
        if part == Part::Everything
            && config.server.public_url.is_none()
            && address.ip().is_unspecified()
        {
            let url = config.public_url(address);
            tracing::warn!(
                "pages and embeds say {url}, which is this machine alone: set --public-url"
            );
        }
        let swarms = Arc::new(KnownSwarms::new(&config, address));
        if matches!(part, Part::Everything | Part::Tracker) && !config.tracker.open {
            swarms.look(&library, None);
            tokio::spawn(Arc::clone(&swarms).follow(library.clone()));
        }
        match (part, opened) {
            (Part::Tracker, _) => {
                tracker::run(listener, &config.tracker, swarms, asked_to_end).await;
            }
            (Part::Sidecar, Some((catalogue, _))) => {
                let post = post_office(&config, address, &catalogue)?;
                control(listener, &config, catalogue, post, asked_to_end).await;
            }
            (_, Some((catalogue, _))) => {
                let listening = (listener, address);
                let post = post_office(&config, address, &catalogue)?;
                everything(listening, &config, catalogue, key, swarms, post, asked_to_end).await;
            }
            (_, None) => {
                let signing = signing::keep_signed(library.clone(), asked_to_end.clone());
                let origin = origin::run(listener, &config.origin, library, key, asked_to_end);
                tokio::join!(origin, signing);
            }
        }
        Ok(())
    })
}

async fn everything(
    (listener, address): (TcpListener, SocketAddr),
    config: &Config,
    catalogue: Catalogue,
    key: Key,
    swarms: Arc<KnownSwarms>,
    post: Option<PostOffice>,
    asked_to_end: CancellationToken,
) {
    let sidecar = Arc::clone(&catalogue.sidecar);
    let metrics = Arc::new(Metrics::default());
    let media = Arc::new(Origin::new(catalogue.library.clone(), &config.origin, key));
    let tracker = Arc::new(Tracker::new(&config.tracker, Arc::clone(&swarms) as Arc<_>));
    tracker.start(&config.tracker, &asked_to_end);
    let site = Arc::new(Site::new(
        config,
        address,
        catalogue.clone(),
        Arc::clone(&media),
        (Arc::clone(&tracker), swarms),
        Arc::clone(&metrics),
    ));
    let desk = Desk::new(Arc::clone(&sidecar), Arc::clone(&media), &config.downloads);
    let live = Live::new(Arc::clone(&sidecar), asked_to_end.clone());
    tokio::spawn(media.keep_house());
    let companions = Companions::new(catalogue.clone(), config.import.clone());
    let uploads = Arc::clone(&catalogue.uploads);
    let door = Door::new(Arc::clone(&sidecar), uploads, companions.clone());
    let portraits = companions.portraits();
    let hired = Arc::new(Hired::new(
        Arc::clone(&sidecar),
        catalogue.library.clone(),
        Arc::clone(&catalogue.uploads),
        config.import.clone(),
        config.worker.token.clone(),
    ));
    let answer = move |mut request: Request<Incoming>, peer| {
        let (site, door, companions) = (Arc::clone(&site), door.clone(), companions.clone());
        let (hired, portraits) = (Arc::clone(&hired), portraits.clone());
        let (live, desk) = (live.clone(), desk.clone());
        async move {
            let path = request.uri().path();
            if let Some(video) = Live::video(path) {
                return live.answer(&request, video).await;
            }
            if let Some(file) = Desk::file(path) {
                return desk.answer(&request, peer, file).await;
            }
            at_once(if path.starts_with(hired::PREFIX) {
                hired.answer(request).await
            } else if Door::is_at(path) {
                door.answer(request).await
            } else if Companions::is_for(&request) {
                companions.answer(request, peer).await
            } else if Portraits::is_for(&request) {
                portraits.answer(request).await
            } else {
                site.answer(&mut request, peer).await
            })
        }
    };
    let leaving = async {
        asked_to_end.cancelled().await;
        tracker.close().await;
    };
    let bounds = config.origin.bounds();
    let serving = connections::accept(listener, &bounds, metrics, asked_to_end.clone(), answer);
    let exporter = Exporter::new(Arc::clone(&sidecar), catalogue.library.clone());
    let exporting = exporter.run(asked_to_end.clone());
    let sending = send_letters(post, asked_to_end.clone());
    let federating = federating::run(Arc::clone(&sidecar), asked_to_end.clone());
    let publishing = publish(catalogue, config, asked_to_end.clone());
    tokio::join!(serving, leaving, publishing, exporting, sending, federating);
    sidecar.close().await;
}

/// The sidecar alone: it keeps house and sends mail as the whole does, and makes neither videos nor exports.
async fn control(
    listener: TcpListener,
    config: &Config,
    catalogue: Catalogue,
    post: Option<PostOffice>,
    asked_to_end: CancellationToken,
) {
    let metrics = Arc::new(Metrics::default());
    let alone = Arc::new(Alone::new(config, catalogue.clone(), Arc::clone(&metrics)));
    let answer = move |mut request: Request<Incoming>, peer| {
        let alone = Arc::clone(&alone);
        async move { alone.answer(&mut request, peer).await }
    };
    let bounds = config.origin.bounds();
    let serving = connections::accept(listener, &bounds, metrics, asked_to_end.clone(), answer);
    let sending = send_letters(post, asked_to_end.clone());
    let federating = federating::run(Arc::clone(&catalogue.sidecar), asked_to_end.clone());
    tokio::join!(serving, sending, federating, catalogue.keep_house(asked_to_end));
    catalogue.sidecar.close().await;
}

/// What sends the letters of an instance that listens on `address`, where that is configured.
fn post_office(
    config: &Config,
    address: SocketAddr,
    catalogue: &Catalogue,
) -> anyhow::Result<Option<PostOffice>> {
    let url = config.public_url(address);
    if config.smtp.is_on() && config.server.public_url.is_none() {
        tracing::warn!(
            "links in mails begin with {url}, which nobody else may reach: set --public-url"
        );
    }
    PostOffice::new(&config.smtp, Arc::clone(&catalogue.sidecar), url)
}

/// Sends mail, where that is configured.
async fn send_letters(post: Option<PostOffice>, asked_to_end: CancellationToken) {
    if let Some(post) = post {
        post.run(asked_to_end).await;
    }
}

/// Makes videos of what people upload, and keeps catalogue and media of one mind.
async fn publish(catalogue: Catalogue, config: &Config, asked_to_end: CancellationToken) {
    catalogue.mend().await;
    let worker = Worker {
        sidecar: Arc::clone(&catalogue.sidecar),
        library: catalogue.library.clone(),
        uploads: Arc::clone(&catalogue.uploads),
        settings: config.import.clone(),
    };
    let importer = Importer {
        sidecar: Arc::clone(&catalogue.sidecar),
        uploads: Arc::clone(&catalogue.uploads),
    };
    let working = Arc::new(worker).run(asked_to_end.clone());
    let fetching = Arc::new(importer).run(asked_to_end.clone());
    let signing = signing::keep_signed(catalogue.library.clone(), asked_to_end.clone());
    tokio::join!(working, fetching, signing, catalogue.keep_house(asked_to_end));
}

/// Under which ids other servers know us, if they may.
fn place(config: &Config, public_url: &str) -> Option<Place> {
    if !config.federation.enabled {
        return None;
    }
    let is_test = config.outbound.allow_private;
    let strictness = if is_test { Strictness::Test } else { Strictness::Public };
    let place = Place::new(public_url, strictness);
    place
        .inspect_err(|error| {
            tracing::info!("other servers are told nothing of {public_url}: {error}");
        })
        .ok()
}

/// Opens the catalogue of the instance that listens on `address`, and makes its administrator if it has none.
async fn open(
    config: &Config,
    address: SocketAddr,
    key: Key,
    library: Library,
) -> anyhow::Result<(Catalogue, Option<Administrator>)> {
    let public_url = config.public_url(address);
    let data = &config.server.data;
    let place = place(config, &public_url);
    let opening = Sidecar::open(&config.database, &config.accounts, data, public_url, key);
    let mut sidecar = opening.await?;
    sidecar.describe_house(config.instance.clone());
    if let Some(place) = place {
        sidecar.federate(place, &config.federation).await?;
    }
    sidecar.open_door(&config.outbound)?;
    if config.smtp.is_on() {
        sidecar.send_letters();
    }
    if config.outbound.allow_private {
        tracing::warn!(
            "outbound.allow_private is for tests: videos are fetched from this machine's networks, too"
        );
    }
    let made = match sidecar.ensure_administrator().await {
        Err(UserError::Taken) => {
            tracing::warn!(
                "nobody is administrator: run shoal user create NAME --role administrator"
            );
            None
        }
        made => made?,
    };
    let uploads = Arc::new(Uploads::open(data).context("cannot take in uploads")?);
    let catalogue = Catalogue { sidecar: Arc::new(sidecar), library, uploads };
    if made.is_some() {
        // It doesn't know the videos that are there already, which the first visitor is to see.
        catalogue.begin().await;
    }
    Ok((catalogue, made))
}

/// Binds, or says in a sentence why not.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is in use: stop the program that listens there, or choose another port with --listen"
        ),
        io::ErrorKind::PermissionDenied => anyhow::anyhow!(
            "{address} is not allowed: choose a port from 1024 on with --listen, behind a proxy if need be"
        ),
        io::ErrorKind::AddrNotAvailable => {
            anyhow::anyhow!("{address} is no address of this machine: choose another with --listen")
        }
        _ => anyhow::anyhow!("cannot listen on {address}: {error}"),
    })
}

/// The one line that tells people and scripts where to look.
fn announce(address: SocketAddr, config: &Config) -> anyhow::Result<()> {
    let data = config.server.data.display();
    say(&format!("shoal listens on http://{address}, videos in {data}"))
}

/// Says something on standard output, of which a closed one doesn't stop the server.
fn say(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to the terminal")
        }
        _ => Ok(()),
    }
}
