//! What other players decide, as pure functions: when a segment that isn't urgent is fetched from the server.
//!
//! Written from facts that were measured and read about p2p-media-loader, in our own words. The toy world and the stock agent
//! both ask here.

pub mod choice;
pub mod pml2;
pub mod pml5;

/// Whose decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stock {
    /// p2p-media-loader 2 to 4: a timer, and chance.
    Pml2,
    /// p2p-media-loader 5: an election among neighbours.
    Pml5,
}
