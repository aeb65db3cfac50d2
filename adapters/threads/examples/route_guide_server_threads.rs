//! The server of the gRPC tutorial on a pool of threads: all four kinds of calls.
//!
//! `cargo run -p sailplane-threads --example route_guide_server_threads [ADDRESS]`

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use sailplane::blocking::{Sender, Streaming};
use sailplane::{Call, Result, Status};
use sailplane_examples_protos::guide::{distance, features, is_in};
use sailplane_examples_protos::routeguide::{
    Feature, Point, Rectangle, RouteGuideBlocking, RouteGuideBlockingServer, RouteNote, RouteSummary,
};
use sailplane_threads::Server;

struct Guide {
    features: Vec<Feature>,
    notes: Mutex<HashMap<(i32, i32), Vec<RouteNote>>>,
}

impl RouteGuideBlocking for Guide {
    fn get_feature(&self, point: Point, _: &Call) -> Result<Feature> {
        let found = self.features.iter().find(|feature| feature.location.as_ref() == Some(&point));
        Ok(found.cloned().unwrap_or_else(|| Feature { location: Some(point), ..Feature::default() }))
    }

    fn list_features(&self, area: Rectangle, mut features: Sender<Feature>, _: &Call) -> Result<()> {
        // Waits while the client does not read, and fails when it has left.
        Ok(features.send_all(self.features.iter().filter(|feature| is_in(feature, &area)))?)
    }

    fn record_route(&self, points: Streaming<Point>, _: &Call) -> Result<RouteSummary> {
        let (start, mut last, mut summary) = (Instant::now(), None, RouteSummary::default());
        for point in points {
            let point = point?;
            let is_known = self.features.iter().any(|feature| feature.location.as_ref() == Some(&point));
            summary.point_count += 1;
            summary.feature_count += i32::from(is_known);
            summary.distance += last.as_ref().map_or(0, |last| distance(last, &point));
            last = Some(point);
        }
        summary.elapsed_time = i32::try_from(start.elapsed().as_secs()).unwrap_or(i32::MAX);
        Ok(summary)
    }

    fn route_chat(
        &self,
        notes: Streaming<RouteNote>,
        mut replies: Sender<RouteNote>,
        _: &Call,
    ) -> Result<()> {
        for note in notes {
            let note = note?;
            let at = note.location.ok_or_else(|| Status::invalid_argument("note.location is required"))?;
            let here = {
                let mut all = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
                let here = all.entry((at.latitude, at.longitude)).or_default();
                here.push(note);
                here.clone()
            };
            replies.send_all(here)?;
        }
        Ok(())
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "[::]:10000".into());
    let guide = Guide { features: features(), notes: Mutex::default() };
    Server::new().workers(16).service(RouteGuideBlockingServer::new(guide)).serve(&address)
}
