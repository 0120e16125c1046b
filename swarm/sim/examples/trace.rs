//! temp
use swarm_sim::*;
fn main() {
    let name = std::env::args().nth(1).unwrap_or("live-100".into());
    let s = Scenario::named(&name)
        .unwrap_or_else(|| Scenario::read(&std::fs::read_to_string(&name).unwrap()).unwrap());
    let traced = std::env::args().nth(2).and_then(|no| no.parse().ok());
    let world = s.play(Policy::Shoal, 1, traced);
    let last = world.origin.newest(world.now).unwrap();
    for seg in [last - 6, last - 5] {
        let mut at: Vec<f64> = world
            .arrivals
            .iter()
            .filter(|a| a.segment == seg)
            .map(|a| a.after.as_secs_f64())
            .collect();
        at.sort_by(f64::total_cmp);
        println!("segment {seg}: {} arrivals", at.len());
        for t in 0..28 {
            let t = t as f64 * 0.5;
            print!("{}:{} ", t, at.iter().filter(|a| **a <= t).count());
        }
        println!();
        let mut who: Vec<_> = world
            .arrivals
            .iter()
            .filter(|a| a.segment == seg)
            .map(|a| {
                (
                    a.after,
                    a.viewer,
                    world.viewers[a.viewer].line.uplink_bps / 1000000,
                    world.viewers[a.viewer].stats().peers,
                )
            })
            .collect();
        who.sort();
        println!("{:?}", &who[..8]);
    }
    println!(
        "ages {:?}",
        world
            .origin_ages
            .iter()
            .map(|b| (*b as f64 / 750000.0 / (last - 100) as f64 * 1000.0).round() / 1000.0)
            .collect::<Vec<_>>()
    );
    let mut v: Vec<_> = world.viewers.iter().enumerate().filter(|(_, v)| v.keeps_trace).collect();
    v.truncate(3);
    for (no, v) in v {
        println!("viewer {no} {:?} up {}", v.stats(), v.line.uplink_bps);
        for l in v.trace.iter().rev().take(5000).rev() {
            println!("{}", &l[..l.len().min(230)]);
        }
    }
}
