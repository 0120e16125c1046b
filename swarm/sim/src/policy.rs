//! Who decides for viewers: our engine, or what stands in its place.
//!
//! What others decide stands below as pure functions, which the toy world and the stock agent both ask. They are written from
//! facts that were measured and read about p2p-media-loader, in our own words.

pub mod choice;
pub mod pml2;
pub mod pml5;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use swarm::{Config, Engine, Sharing};

use crate::Agent;
use crate::stock::{StockConfig, StockPeer};

/// Who decides for a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Our engine.
    Shoal,
    /// A stock page of p2p-media-loader 2 to 4.
    Pml2,
    /// One of version 5.
    Pml5,
    /// Our engine with sharing off.
    Off,
}

/// A stock page, by how it decides when a segment that isn't urgent is fetched from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// p2p-media-loader 2 to 4: a timer, and chance.
    Pml2,
    /// p2p-media-loader 5: an election among neighbours.
    Pml5,
}

/// An agent that decides so; a phone gives nothing.
pub fn agent(policy: Policy, config: Config, is_phone: bool) -> Box<dyn Agent> {
    let stock = |stock| -> Box<dyn Agent> {
        let (seed, live_delay) = (config.seed, config.live_delay);
        let stock_config =
            StockConfig { seed, high_demand: HIGH_DEMAND, live_delay, uploads: !is_phone };
        Box::new(StockPeer::new(stock, stock_config))
    };
    match policy {
        Policy::Shoal | Policy::Off => Box::new(Engine::new(config)),
        Policy::Pml2 => stock(Stock::Pml2),
        Policy::Pml5 => stock(Stock::Pml5),
    }
}

/// What stock pages leave to the server: about as much as our engine does on the scenarios' lines, so that all have the same time
/// for sharing.
const HIGH_DEMAND: Duration = Duration::from_secs(2);

impl Policy {
    /// Every one that there is, by its name.
    pub const ALL: &[(&str, Policy)] = &[
        ("shoal", Policy::Shoal),
        ("pml2", Policy::Pml2),
        ("pml5", Policy::Pml5),
        ("off", Policy::Off),
    ];

    /// What its page allows.
    pub(crate) fn sharing(self, is_phone: bool) -> Sharing {
        match self {
            Policy::Off => Sharing::Off,
            _ if is_phone => Sharing::Receive,
            _ => Sharing::Full,
        }
    }
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Policy, String> {
        let known = Policy::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, policy)| *policy).ok_or_else(|| {
            let names: Vec<_> = Policy::ALL.iter().map(|(known, _)| *known).collect();
            format!("no policy {name:?} is known; there are {}", names.join(", "))
        })
    }
}
