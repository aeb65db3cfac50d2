//! Script by script, step by step; and a failing script made small.

use std::collections::BTreeMap;

use super::ours::Done;
use super::peers::{Peer, with_ours};
use super::{Reaction, Role, Script, Step, generate};
use crate::differences::{Difference, Tally};
use crate::ledger;
use crate::rng::seeds;

/// How many scripts a peer gets at once.
const BATCH: u64 = 250;

/// Runs so many scripts.
///
/// # Panics
/// With a difference that the table does not have, and with rows of it that do not occur.
pub fn check(peer: &mut Peer, scripts: u64, table: &[Difference]) {
    let (seeds, usual) = seeds(scripts);
    let mut tally = Tally::default();
    let (mut steps, mut start) = (0, seeds.start);
    while start < seeds.end {
        let end = (start + BATCH).min(seeds.end);
        let cases: Vec<_> = (start..end).map(|seed| with_ours(generate::script(seed))).collect();
        let reactions = peer.run(&cases);
        for ((seed, (script, ours)), theirs) in (start..).zip(&cases).zip(reactions) {
            steps += ours.len();
            let Some(what) = difference(script.role, ours, &theirs) else { continue };
            let small = if tally.is_new(&what) { shrink(peer, script, &what) } else { script.clone() };
            tally.count(what, || format!("SEED={seed}\n{}", show(&small, peer)));
        }
        start = end;
    }
    println!("{}: {} scripts, {steps} steps", peer.name, seeds.end - seeds.start);
    if usual {
        ledger::record("scripts", peer.name, scripts);
    }
    tally.check(peer.name, table, usual);
}

/// The first difference of two runs. Steps that are parts of one frame or header block count as one: how
/// early its parts are judged is an implementation's own.
fn difference(role: Role, ours_all: &[Done], theirs: &[Reaction]) -> Option<String> {
    let (mut ours_so_far, mut theirs_so_far) = (Reaction::default(), Reaction::default());
    let mut first: Option<&Done> = None;
    let mut octets = Octets::default();
    for (at, done) in ours_all.iter().enumerate() {
        let what = first.get_or_insert(done).what.as_str();
        merge(&mut ours_so_far, &done.reaction);
        if let Some(reaction) = theirs.get(at) {
            merge(&mut theirs_so_far, reaction);
        }
        if done.is_midway && !ours_so_far.dead {
            continue;
        }
        first = None;
        let (ours, theirs) = (std::mem::take(&mut ours_so_far), std::mem::take(&mut theirs_so_far));
        octets.add(&ours, &theirs);
        let (our_way, their_way) = (way(&ours, done, true), way(&theirs, done, false));
        if our_way == "closes" && done.peer_goes {
            return None;
        }
        let rest = if our_way != their_way {
            format!("ours {our_way}, theirs {their_way}")
        } else if ours.dead || theirs.dead {
            return None;
        } else if octets.differ() {
            "other octets".into()
        } else if let Some(what) = contents(&ours, &theirs) {
            format!("other {what}")
        } else {
            continue;
        };
        let after = if at > 0 && ours_all[at - 1].peer_goes { " after GOAWAY" } else { "" };
        return Some(format!("{role:?}{after}: {what}: {rest}"));
    }
    None
}

fn merge(all: &mut Reaction, next: &Reaction) {
    all.dead |= next.dead;
    all.goaway = all.goaway.or(next.goaway);
    all.resets.extend(&next.resets);
    all.answers.extend(&next.answers);
    all.settings_acks += next.settings_acks;
    all.ping_acks.extend(next.ping_acks.iter().cloned());
    all.notes.extend(&next.notes);
    all.headers.extend(next.headers.iter().cloned());
    all.data.extend(next.data.iter().cloned());
    all.ends.extend(&next.ends);
    all.ends.dedup();
}

/// How a side took a step, in words.
fn way(reaction: &Reaction, done: &Done, is_ours: bool) -> String {
    match reaction.goaway {
        Some(0) | None if reaction.dead => return "closes".into(),
        Some(code) if code != 0 => return format!("GOAWAY {}", code_name(code)),
        _ => {}
    }
    if is_ours && reaction.answers.contains(&done.stream) && done.what != "the application responds" {
        return "answers".into();
    }
    let mut parts: Vec<String> = Vec::new();
    for (other, code) in &reaction.resets {
        let place = if *other == done.stream { "" } else { " elsewhere" };
        parts.push(format!("RST {}{place}", code_name(*code)));
    }
    if parts.is_empty() {
        let said = [(!reaction.headers.is_empty(), "headers"), (!reaction.ends.is_empty(), "end")];
        parts.extend(said.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()));
    }
    parts.extend(reaction.notes.iter().map(|note| (*note).to_owned()));
    if reaction.settings_acks + reaction.ping_acks.len() > 0 {
        parts.push("acknowledges".into());
    }
    if parts.is_empty() { "ignores".into() } else { parts.join(" + ") }
}

fn code_name(code: u32) -> &'static str {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(code as usize).copied().unwrap_or("unknown code")
}

/// What differs in what both were given.
fn contents(ours: &Reaction, theirs: &Reaction) -> Option<&'static str> {
    // What a stream gave before it was reset does not matter.
    if !ours.resets.is_empty() {
        None
    } else if ours.headers != theirs.headers {
        Some("headers")
    } else if ours.ends != theirs.ends {
        Some("ends")
    } else if ours.ping_acks != theirs.ping_acks || ours.settings_acks != theirs.settings_acks {
        Some("acknowledgements")
    } else {
        None
    }
}

/// The octets of each stream so far. Ours come as whole messages (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"),
/// so theirs may be ahead by what is not one yet.
#[derive(Default)]
struct Octets(BTreeMap<u32, (Vec<u8>, Vec<u8>)>);

impl Octets {
    fn add(&mut self, ours: &Reaction, theirs: &Reaction) {
        for (stream, octets) in &ours.data {
            self.0.entry(*stream).or_default().0.extend(octets);
        }
        for (stream, octets) in &theirs.data {
            self.0.entry(*stream).or_default().1.extend(octets);
        }
        for (stream, _) in ours.resets.iter().chain(&theirs.resets) {
            self.0.remove(stream);
        }
    }

    fn differ(&self) -> bool {
        self.0.values().any(|(ours, theirs)| match theirs.strip_prefix(ours.as_slice()) {
            None => true,
            Some([0, a, b, c, d, rest @ ..]) => rest.len() >= u32::from_be_bytes([*a, *b, *c, *d]) as usize,
            Some(_) => false,
        })
    }
}

/// The smallest script found with the same difference: without steps, then without octets of payloads.
fn shrink(peer: &mut Peer, script: &Script, what: &str) -> Script {
    let mut small = script.clone();
    let mut still = |script: &Script| {
        let case = with_ours(script.clone());
        let theirs = peer.run(std::slice::from_ref(&case)).remove(0);
        difference(script.role, &case.1, &theirs).is_some_and(|other| other == what)
    };
    let mut at = small.steps.len();
    while at > 0 {
        at -= 1;
        let mut fewer = small.clone();
        fewer.steps.remove(at);
        if still(&fewer) {
            small = fewer;
        }
    }
    small
}

fn show(script: &Script, peer: &mut Peer) -> String {
    let case = with_ours(script.clone());
    let theirs = peer.run(std::slice::from_ref(&case)).remove(0);
    let mut out = Vec::new();
    for (at, step) in script.steps.iter().enumerate() {
        out.push(match step {
            Step::Receive(octets) => {
                format!("receive {}", octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>())
            }
            other => format!("{other:?}"),
        });
        if let (Some(ours), Some(theirs)) = (case.1.get(at), theirs.get(at)) {
            let ways = (way(&ours.reaction, ours, true), way(theirs, ours, false));
            out.push(format!("    {}: ours {}, theirs {}", ours.what, ways.0, ways.1));
            if contents(&ours.reaction, theirs).is_some() {
                out.push(format!("    ours   {:?}\n    theirs {theirs:?}", ours.reaction));
            }
        }
    }
    out.join("\n")
}
