//! Where a rendition's segments lie in playing time.

use std::sync::Arc;
use std::time::Duration;

use wire::playlist::{ByteRange, Media};

use crate::limits::CUT_TOLERANCE;
use crate::message::Span;

/// A media playlist, laid out in time.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// What the addresses are relative to.
    pub(crate) base: Arc<str>,
    pub(crate) init: Option<Place>,
    pub(crate) segments: Vec<Slot>,
}

/// Where bytes are to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) uri: Arc<str>,
    pub(crate) range: Option<ByteRange>,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) span: Span,
}

impl Timeline {
    pub(crate) fn new(url: &str, media: Media) -> Timeline {
        let mut end = Duration::ZERO;
        let slots = media.segments.into_iter().map(|segment| {
            let start = end;
            end += segment.duration;
            Slot {
                place: Place { uri: segment.uri.into(), range: segment.range },
                span: Span { start, end },
            }
        });
        let segments = slots.collect();
        let init = media.init.map(|init| Place { uri: init.uri.into(), range: init.range });
        Timeline { base: url.into(), init, segments }
    }

    pub(crate) fn duration(&self) -> Duration {
        self.segments.last().map_or(Duration::ZERO, |slot| slot.span.end)
    }

    /// The segment that plays on from `moment`; `None` past the end.
    pub(crate) fn segment_from(&self, moment: Duration) -> Option<usize> {
        let no = self.segments.partition_point(|Slot { span, .. }| {
            let tolerance = CUT_TOLERANCE.min(span.end.saturating_sub(span.start) / 2);
            span.end <= moment + tolerance
        });
        (no < self.segments.len()).then_some(no)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_segment_after_a_cut_is_found_although_cuts_differ_by_a_frame() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\na\n#EXTINF:4,\nb\n#EXTINF:1,\nc\n#EXT-X-ENDLIST\n";
        let timeline = Timeline::new("http://a/b.m3u8", text.parse().unwrap());
        let check = |millis, wanted| {
            assert_eq!(timeline.segment_from(Duration::from_millis(millis)), wanted, "{millis}");
        };
        check(0, Some(0));
        check(3_800, Some(0));
        check(3_960, Some(1));
        check(4_040, Some(1));
        check(8_500, Some(2));
        check(8_950, None);
        check(60_000, None);
        assert_eq!(timeline.duration(), Duration::from_secs(9));
    }

    #[test]
    fn a_segment_shorter_than_the_tolerance_is_a_segment_too() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.04,\na\n#EXT-X-ENDLIST\n";
        let timeline = Timeline::new("http://a/b.m3u8", text.parse().unwrap());
        assert_eq!(timeline.segment_from(Duration::ZERO), Some(0));
        assert_eq!(timeline.segment_from(Duration::from_millis(40)), None);
    }
}
