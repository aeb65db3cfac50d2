//! The client of the gRPC tutorial: all four kinds of calls.
//!
//! `cargo run -p sailplane-smol --example route_guide_client [TARGET]`

use sailplane::Result;
use sailplane_examples_protos::guide::{at, points, some_notes};
use sailplane_examples_protos::routeguide::{Rectangle, RouteGuideClient};
use sailplane_smol::Channel;

async fn run(client: &RouteGuideClient<Channel>) -> Result<()> {
    println!("Looking for a feature:");
    for point in [at(409_146_138, -746_188_906), at(0, 0)] {
        let feature = client.get_feature(&point).await?;
        let name = if feature.name.is_empty() { "nothing" } else { &feature.name };
        println!("  {name} at {}, {}", point.latitude, point.longitude);
    }

    println!("Features between 40° and 42° N, 73° and 75° W:");
    let area = Rectangle { lo: Some(at(400_000_000, -750_000_000)), hi: Some(at(420_000_000, -730_000_000)) };
    let mut features = client.list_features(&area);
    while let Some(feature) = features.message().await? {
        println!("  {}", feature.name);
    }

    let mut route = client.record_route();
    for point in points() {
        if route.send(&point).await.is_err() {
            // The server has answered already; `finish` says what.
            break;
        }
    }
    let summary = route.finish().await?;
    println!(
        "A route of {} points passes {} features in {} km.",
        summary.point_count,
        summary.feature_count,
        summary.distance / 1000
    );

    println!("Notes along the way:");
    let (mut notes, mut replies) = client.route_chat();
    smol::spawn(async move {
        for note in some_notes() {
            if notes.send(&note).await.is_err() {
                return;
            }
        }
        // Dropping `notes` without this cancels the call.
        notes.finish();
    })
    .detach();
    while let Some(note) = replies.message().await? {
        println!("  {}", note.message);
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "localhost:10000".into());
    let client = RouteGuideClient::new(Channel::plaintext(target)?);
    Ok(smol::block_on(run(&client))?)
}
