//! Every scenario with every client, every server and everything that can be between them; over TCP once
//! more in rough weather, which splits and delays what is sent (`SEED=n` is another one).
//!
//! What an adapter does not promise is ignored and not passed; `exemptions.rs` says why.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use sailplane_tests::behaviour::scenarios::ALL;
use sailplane_tests::behaviour::{self, Adapter, Pairing, Transport, Weather};

const ADAPTERS: [Adapter; 3] = [Adapter::Blocking, Adapter::Threads, Adapter::Smol];

fn pairings() -> Vec<Pairing> {
    let mut pairings = Vec::new();
    for client in ADAPTERS {
        for server in ADAPTERS {
            for transport in [Transport::Tcp, Transport::Unix] {
                pairings.push(Pairing { client, server, transport });
            }
        }
        pairings.push(Pairing { client, server: client, transport: Transport::InProcess });
    }
    pairings
}

fn trial(
    pairing: Pairing,
    weather: Option<Weather>,
    name: &'static str,
    scenario: fn(&behaviour::World),
) -> Trial {
    let exemption = behaviour::exemption(pairing, weather.is_some(), name);
    let sky = if weather.is_some() { ", in rough weather" } else { "" };
    let run = move || match exemption {
        Some(reason) => Err(reason.into()),
        None => {
            behaviour::run(pairing, weather, name, scenario);
            Ok(())
        }
    };
    Trial::test(format!("{name}, {pairing}{sky}"), run).with_ignored_flag(exemption.is_some())
}

/// An exemption of what does not exist hides a mistake.
fn exemptions_are_of_scenarios() -> Trial {
    Trial::test("exemptions are of scenarios", || {
        for exempt in behaviour::exempt() {
            if !ALL.iter().any(|(name, _)| *name == exempt) {
                return Err(format!("there is no scenario {exempt}").into());
            }
        }
        Ok(())
    })
}

fn main() -> ExitCode {
    let mut trials = vec![exemptions_are_of_scenarios()];
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().expect("SEED is a number"));
    for pairing in pairings() {
        trials.extend(ALL.iter().map(|(name, scenario)| trial(pairing, None, name, *scenario)));
        if pairing.transport == Transport::Tcp {
            let rough = |(name, scenario)| trial(pairing, Some(Weather::rough(seed)), name, scenario);
            trials.extend(ALL.iter().copied().map(rough));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
