//! A sheet of small pictures, one every few seconds, for the preview on a seek bar: how it is laid out, and ffmpeg's words.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::encode::{self, SEGMENT_SECONDS};
use super::plan::Size;
use crate::library::Storyboard;

/// How a video's sheet is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    sprite: Size,
    /// Seconds from one picture to the next.
    step: u32,
    pictures: u32,
    columns: u32,
}

impl Layout {
    /// As many pictures as there are segments, up to [`EDGE`] in a row and as many rows; in PeerTube's format the step is in
    /// whole seconds.
    pub(super) fn of(size: Size, duration: Duration) -> Layout {
        let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX).max(1);
        let step = seconds.div_ceil(EDGE * EDGE).max(SEGMENT_SECONDS);
        let pictures = seconds.div_ceil(step);
        let columns = (1..=EDGE).find(|edge| edge * edge >= pictures).unwrap_or(EDGE);
        Layout { sprite: sprite(size), step, pictures, columns }
    }

    fn rows(self) -> u32 {
        self.pictures.div_ceil(self.columns)
    }

    /// ffmpeg's words for the sheet of a rendition of ours, of which keyframes alone are decoded: each segment has one.
    pub(super) fn words(self, rendition: &Path) -> Vec<OsString> {
        let Layout { sprite: Size { width, height }, step, pictures, columns } = self;
        let rows = self.rows();
        // What follows the last keyframe is shown by it.
        let filters = format!(
            "[0:v]fps=1/{step}:start_time=0:eof_action=pass,tpad=stop={pictures}:stop_mode=clone,trim=end_frame={pictures},\
             scale={width}:{height}:flags=bicubic,format=yuvj420p,setsar=1,tile={columns}x{rows}[s]"
        );
        let mut making = vec!["-filter_complex".to_owned(), filters];
        making.extend(["-map", "[s]", "-frames:v", "1", "-q:v", QUALITY].map(str::to_owned));
        making.extend(
            ["-map_metadata", "-1", "-f", "image2", "-update", "1", FILE].map(str::to_owned),
        );
        encode::ffmpeg(rendition, &["-skip_frame", "nokey"], making)
    }

    /// What players need to know of the sheet in this file.
    pub(super) fn describe(self, file: String) -> Storyboard {
        Storyboard {
            file,
            total_width: self.columns * self.sprite.width,
            total_height: self.rows() * self.sprite.height,
            sprite_width: self.sprite.width,
            sprite_height: self.sprite.height,
            sprite_duration: self.step,
        }
    }
}

/// The longer side is [`SIDE`], and both are even.
fn sprite(Size { width, height }: Size) -> Size {
    let long = u64::from(width.max(height).max(1));
    let side = |side: u32| {
        let scaled = (u64::from(side) * u64::from(SIDE) + long / 2) / long;
        ((scaled as u32 + 1) & !1).max(2)
    };
    Size { width: side(width), height: side(height) }
}

/// In the folder of work.
pub(super) const FILE: &str = "storyboard.jpg";

/// Pictures in a row, and rows, as with PeerTube: 121 pictures have some 300 KB.
const EDGE: u32 = 11;

/// Pixels of a picture's longer side, as with PeerTube: a thumb's width on a seek bar.
const SIDE: u32 = 192;

/// Of JPEG, 2 to 31, where less is better: at this size nobody sees the difference to better ones.
const QUALITY: &str = "8";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: u64, wanted: (u32, u32, u32)) {
        let size = Size { width: 426, height: 240 };
        let layout = Layout::of(size, Duration::from_secs(seconds));
        assert_eq!((layout.step, layout.pictures, layout.columns), wanted, "{seconds} s");
        let all = u64::from(layout.pictures) * u64::from(layout.step);
        let room = layout.columns * layout.rows();
        assert!(all >= seconds && layout.pictures <= room && layout.rows() <= EDGE);
    }

    #[test]
    fn all_of_a_video_fits_on_one_sheet_whatever_its_length() {
        check(0, (4, 1, 1));
        check(3, (4, 1, 1));
        check(20, (4, 5, 3));
        check(60, (4, 15, 4));
        check(484, (4, 121, 11));
        check(485, (5, 97, 10));
        check(600, (5, 120, 11));
        check(7200, (60, 120, 11));
        check(u64::from(u32::MAX), (35_495_598, 121, 11));
        check(86_400 * 365, (260_629, 121, 11));
    }

    #[test]
    fn pictures_keep_the_video_s_shape() {
        let of = |width, height| sprite(Size { width, height });
        assert_eq!(of(426, 240), Size { width: 192, height: 108 });
        assert_eq!(of(428, 240), Size { width: 192, height: 108 });
        assert_eq!(of(240, 426), Size { width: 108, height: 192 });
        assert_eq!(of(4096, 2), Size { width: 192, height: 2 });
        assert_eq!(of(64, 48), Size { width: 192, height: 144 });
    }

    #[test]
    fn a_sheet_is_described_as_peertube_describes_it() {
        let layout = Layout::of(Size { width: 426, height: 240 }, Duration::from_secs(60));
        let described = serde_json::to_value(layout.describe("g1-storyboard.jpg".into())).unwrap();
        let wanted = serde_json::json!({
            "file": "g1-storyboard.jpg", "totalHeight": 432, "totalWidth": 768,
            "spriteHeight": 108, "spriteWidth": 192, "spriteDuration": 4,
        });
        assert_eq!(described, wanted);
    }
}
