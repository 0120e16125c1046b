//! What `cargo xtask bench browsers` measures, and how long.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// How much is measured; `benches/browsers.mjs` reads it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// How often each kind of page plays the video and the live stream.
    pub(crate) rounds: u32,
    /// Of starts with sharing and without.
    pub(crate) pairs: u32,
    /// Of a finished video.
    pub(crate) vod: Audience,
    /// Of a live stream, made of the same video.
    pub(crate) live: Audience,
}

/// Who watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Audience {
    /// Pages, each in a browser of its own.
    pub(crate) viewers: u32,
    /// Each comes so long after the one before.
    pub(crate) apart_seconds: u32,
    /// How long the video is, or how long the stream goes on after the first viewer.
    pub(crate) seconds: u32,
    /// Segments that a live playlist has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<u32>,
}

/// What the command was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wish {
    /// Measure, and draw; whether the results are those of the README.
    Measure { plan: Plan, is_whole: bool },
    /// Draw what was measured before.
    Redraw,
}

impl Wish {
    /// Reads options.
    ///
    /// # Errors
    /// When one isn't known.
    pub(crate) fn parse(options: &[String]) -> anyhow::Result<Wish> {
        let mut wish = Wish::Measure { plan: Plan::whole(), is_whole: true };
        for option in options {
            match (option.split_once('='), option.as_str(), &mut wish) {
                (_, "--redraw", _) => wish = Wish::Redraw,
                (_, "--quick", _) => {
                    wish = Wish::Measure { plan: Plan::quick(), is_whole: false };
                }
                (Some(("--rounds", rounds)), _, Wish::Measure { plan, .. }) => {
                    plan.rounds = rounds.parse().context("--rounds= needs a number")?;
                }
                _ => bail!("browsers takes --quick, --rounds=NUMBER or --redraw, not {option:?}"),
            }
        }
        Ok(wish)
    }
}

impl Plan {
    /// Half an hour.
    fn whole() -> Plan {
        Plan {
            rounds: 1,
            pairs: 20,
            vod: Audience { viewers: 6, apart_seconds: 12, seconds: 300, window: None },
            live: Audience { viewers: 6, apart_seconds: 5, seconds: 70, window: Some(8) },
        }
    }

    /// Whether it works at all.
    fn quick() -> Plan {
        Plan {
            rounds: 1,
            pairs: 1,
            vod: Audience { viewers: 3, apart_seconds: 3, seconds: 36, window: None },
            live: Audience { viewers: 3, apart_seconds: 3, seconds: 20, window: Some(4) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Wish> {
        Wish::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_choose_what_is_measured() {
        let three = Plan { rounds: 3, ..Plan::whole() };
        assert_eq!(parse("--rounds=3").unwrap(), Wish::Measure { plan: three, is_whole: true });
        let quick = Wish::Measure { plan: Plan::quick(), is_whole: false };
        assert_eq!(parse("--quick").unwrap(), quick);
        assert_eq!(parse("--redraw").unwrap(), Wish::Redraw);
        for wrong in ["--rounds", "--rounds=many", "--fast", "--redraw --rounds=3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_live_stream_is_no_longer_than_what_it_is_made_of() {
        for plan in [Plan::whole(), Plan::quick()] {
            // Of 4 s each.
            let head = 4 * plan.live.window.unwrap();
            assert!(head + plan.live.seconds <= plan.vod.seconds, "{plan:?}");
        }
    }
}
