//! What the query of an embed's URL asks of the player, by PeerTube's names.

use std::time::Duration;

/// The options of one embed, as far as they were written correctly; all else is passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// `autoplay=1`: play at once, which browsers allow when it is muted.
    pub(crate) is_autoplay: bool,
    /// `muted=1`.
    pub(crate) is_muted: bool,
    /// `loop=1`.
    pub(crate) is_loop: bool,
    /// `title=0` hides it.
    pub(crate) shows_title: bool,
    /// `controls=0` hides them.
    pub(crate) shows_controls: bool,
    /// `p2p=0` keeps viewers from sharing; `p2p=1` leaves it at what the instance allows.
    pub(crate) allows_sharing: bool,
    /// `start=90`, `start=30s`, `start=1h2m3s`.
    pub(crate) start: Option<Duration>,
}

impl Options {
    /// Reads a query; the last of several equal names counts.
    pub(crate) fn parse(query: &str) -> Options {
        let mut options = Options::default();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "autoplay" => set(&mut options.is_autoplay, value),
                "muted" => set(&mut options.is_muted, value),
                "loop" => set(&mut options.is_loop, value),
                "title" => set(&mut options.shows_title, value),
                "controls" => set(&mut options.shows_controls, value),
                "p2p" => set(&mut options.allows_sharing, value),
                "start" => options.start = duration(value).or(options.start),
                _ => {}
            }
        }
        options
    }

    /// Where to start, in whole seconds, as the element's attribute has it.
    pub(crate) fn start_seconds(&self) -> Option<u64> {
        self.start.map(|start| start.as_secs())
    }
}

impl Default for Options {
    fn default() -> Options {
        Options {
            is_autoplay: false,
            is_muted: false,
            is_loop: false,
            shows_title: true,
            shows_controls: true,
            allows_sharing: true,
            start: None,
        }
    }
}

fn set(option: &mut bool, value: &str) {
    match value {
        "1" | "true" => *option = true,
        "0" | "false" => *option = false,
        _ => {}
    }
}

/// `90`, or hours, minutes and seconds by their letters, at most a day.
fn duration(text: &str) -> Option<Duration> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    for (unit, worth) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((digits, after)) = rest.split_once(unit) {
            seconds += number(digits)? * worth;
            rest = after;
        }
    }
    if !rest.is_empty() {
        seconds += if rest.len() == text.len() { number(rest)? } else { return None };
    }
    (!text.is_empty() && seconds <= A_DAY).then(|| Duration::from_secs(seconds))
}

fn number(digits: &str) -> Option<u64> {
    let is_number =
        !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

const A_DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_start(text: &str, wanted: Option<u64>) {
        assert_eq!(Options::parse(&format!("start={text}")).start_seconds(), wanted, "{text}");
    }

    #[test]
    fn a_start_is_read_as_peertube_writes_it() {
        check_start("90", Some(90));
        check_start("30s", Some(30));
        check_start("1m30s", Some(90));
        check_start("1h2m3s", Some(3723));
        check_start("2h", Some(7200));
        check_start("99999", None);
        for text in
            ["", "s", "1m30", "30s1m", "-5", "1.5", "1e3", "1s2s", "%31", "999999999999999999999"]
        {
            check_start(text, None);
        }
    }

    #[test]
    fn switches_are_read_strictly() {
        let options = Options::parse(
            "autoplay=1&muted=true&loop=yes&title=0&controls=false&p2p=0&autoplay&p2p",
        );
        assert!(options.is_autoplay && options.is_muted && !options.is_loop);
        assert!(!options.shows_title && !options.shows_controls && !options.allows_sharing);
        assert!(Options::parse("p2p=0&p2p=1").allows_sharing);
        assert_eq!(Options::parse(""), Options::default());
        assert_eq!(Options::parse("autoplay=\"><script>&&=&start=<"), Options::default());
    }
}
