//! The server of the gRPC tutorial: all four kinds of calls.
//!
//! `cargo run -p sailplane-smol --example route_guide_server [ADDRESS]`

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sailplane::{Call, Result, Sender, Status, Streaming};
use sailplane_examples_protos::guide::{distance, features, is_in};
use sailplane_examples_protos::routeguide::{
    Feature, Point, Rectangle, RouteGuide, RouteGuideServer, RouteNote, RouteSummary,
};
use sailplane_smol::Server;

struct Guide {
    features: Vec<Feature>,
    notes: Mutex<HashMap<(i32, i32), Vec<RouteNote>>>,
}

impl RouteGuide for Guide {
    async fn get_feature(&self, point: Point, _: &Call) -> Result<Feature> {
        let found = self.features.iter().find(|feature| feature.location.as_ref() == Some(&point));
        Ok(found.cloned().unwrap_or_else(|| Feature { location: Some(point), ..Feature::default() }))
    }

    async fn list_features(&self, area: Rectangle, mut features: Sender<Feature>, _: &Call) -> Result<()> {
        for feature in self.features.iter().filter(|feature| is_in(feature, &area)) {
            // Waits while the client does not read, and fails when it has left.
            features.send(feature).await?;
        }
        Ok(())
    }

    async fn record_route(&self, mut points: Streaming<Point>, _: &Call) -> Result<RouteSummary> {
        let (start, mut last, mut summary) = (Instant::now(), None, RouteSummary::default());
        while let Some(point) = points.message().await? {
            let is_known = self.features.iter().any(|feature| feature.location.as_ref() == Some(&point));
            summary.point_count += 1;
            summary.feature_count += i32::from(is_known);
            summary.distance += last.as_ref().map_or(0, |last| distance(last, &point));
            last = Some(point);
        }
        summary.elapsed_time = i32::try_from(start.elapsed().as_secs()).unwrap_or(i32::MAX);
        Ok(summary)
    }

    async fn route_chat(
        &self,
        mut notes: Streaming<RouteNote>,
        mut replies: Sender<RouteNote>,
        _: &Call,
    ) -> Result<()> {
        while let Some(note) = notes.message().await? {
            let at = note.location.ok_or_else(|| Status::invalid_argument("note.location is required"))?;
            let here = {
                let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
                let here = all.entry((at.latitude, at.longitude)).or_default();
                here.push(note);
                here.clone()
            };
            replies.send_all(here).await?;
        }
        Ok(())
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:10000".into());
    let guide = Guide { features: features(), notes: Mutex::default() };
    smol::block_on(Server::new().service(RouteGuideServer::new(guide)).serve(address))
}
