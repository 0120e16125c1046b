//! The picture of a channel or an account, and the wide one above a channel's page: made anew of what somebody sends, in a
//! shape that is the same for all.

use super::thumbnail::{self, Folder, ThumbnailError};
use super::{Settings, fresh_id};
use crate::library::Library;

/// What a picture is cut to, from its middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A square.
    Avatar,
    /// About six times as wide as it is high.
    Banner,
}

impl Shape {
    /// The sizes that are made of it, in pixels across and down, as PeerTube's clients expect them.
    pub fn sizes(self) -> &'static [(u32, u32)] {
        match self {
            Shape::Avatar => &[(120, 120), (600, 600)],
            Shape::Banner => &[(1920, 317)],
        }
    }
}

/// Makes a JPEG of each size. Blocks while ffmpeg runs, some seconds at most.
///
/// # Errors
/// When the picture can't be used, or the machine fails.
pub fn portrait(
    library: &Library,
    bytes: &[u8],
    shape: Shape,
    settings: &Settings,
) -> Result<Vec<Vec<u8>>, ThumbnailError> {
    let folder = Folder::make(library.pictures_dir().join(fresh_id().short()))?;
    let mut words = thumbnail::reading(&folder, bytes)?;
    for &(width, height) in shape.sizes() {
        // Cut first: nothing larger than the picture or what is made of it is ever in memory.
        let filter = format!(
            "crop='min(iw,ih*{width}/{height})':'min(ih,iw*{height}/{width})',scale={width}:{height}:flags=bicubic"
        );
        words.extend(thumbnail::writing(&filter, &name(width)));
    }
    thumbnail::run(&folder, &words, settings)?;
    shape.sizes().iter().map(|&(width, _)| folder.read(&name(width))).collect()
}

fn name(width: u32) -> String {
    format!("{width}.jpg")
}
