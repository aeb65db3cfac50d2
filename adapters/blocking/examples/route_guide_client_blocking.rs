//! The client of the gRPC tutorial on the calling thread: all four kinds of calls.
//!
//! `cargo run -p sailplane-blocking --example route_guide_client_blocking [TARGET]`

use sailplane::Result;
use sailplane_blocking::Channel;
use sailplane_examples_protos::guide::{at, points, some_notes};
use sailplane_examples_protos::routeguide::{Rectangle, RouteGuideClient};

fn run(client: &RouteGuideClient<Channel>) -> Result<()> {
    println!("Looking for a feature:");
    for point in [at(409_146_138, -746_188_906), at(0, 0)] {
        let feature = client.get_feature(&point)?;
        let name = if feature.name.is_empty() { "nothing" } else { &feature.name };
        println!("  {name} at {}, {}", point.latitude, point.longitude);
    }

    println!("Features between 40° and 42° N, 73° and 75° W:");
    let area = Rectangle { lo: Some(at(400_000_000, -750_000_000)), hi: Some(at(420_000_000, -730_000_000)) };
    for feature in client.list_features(&area) {
        println!("  {}", feature?.name);
    }

    let summary = client.record_route().finish_with(points())?;
    println!(
        "A route of {} points passes {} features in {} km.",
        summary.point_count,
        summary.feature_count,
        summary.distance / 1000
    );

    println!("Notes along the way:");
    // Both halves are `Send`; whoever waits drives the socket.
    let (mut notes, replies) = client.route_chat();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // Dropping `notes` without `finish` cancels the call.
            if notes.send_all(some_notes()).is_ok() {
                notes.finish();
            }
        });
        for reply in replies {
            println!("  {}", reply?.message);
        }
        Ok(())
    })
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "localhost:10000".into());
    let client = RouteGuideClient::new(Channel::plaintext(target)?);
    Ok(run(&client)?)
}
