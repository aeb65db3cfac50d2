//! What the servers and clients of the route guide need beside gRPC: places, and the way between them.

use crate::routeguide::{Feature, Point, Rectangle, RouteNote};

/// Whether a feature lies in an area.
#[must_use]
pub fn is_in(feature: &Feature, area: &Rectangle) -> bool {
    let (Some(at), Some(lo), Some(hi)) = (&feature.location, &area.lo, &area.hi) else { return false };
    let within = |one: i32, value: i32, other: i32| (one.min(other)..=one.max(other)).contains(&value);
    within(lo.latitude, at.latitude, hi.latitude) && within(lo.longitude, at.longitude, hi.longitude)
}

/// The way between two points in metres, by the haversine formula.
#[must_use]
pub fn distance(from: &Point, to: &Point) -> i32 {
    const EARTH_RADIUS: f64 = 6_371_000.0;
    let radians = |e7: i32| (f64::from(e7) / 1e7).to_radians();
    let (latitude, other) = (radians(from.latitude), radians(to.latitude));
    let half = |delta: f64| (delta / 2.0).sin().powi(2);
    let a = half(other - latitude)
        + latitude.cos() * other.cos() * half(radians(to.longitude) - radians(from.longitude));
    #[expect(clippy::cast_possible_truncation, reason = "at most half the circumference of the earth")]
    let metres = (2.0 * EARTH_RADIUS * a.sqrt().atan2((1.0 - a).sqrt())) as i32;
    metres
}

/// The features that the server knows.
#[must_use]
pub fn features() -> Vec<Feature> {
    let known = [
        ("Patriots Path, Mendham, NJ 07945, USA", 407_838_351, -746_143_763),
        ("101 New Jersey 10, Whippany, NJ 07981, USA", 408_122_808, -743_999_179),
        ("U.S. 6, Shohola, PA 18458, USA", 413_628_156, -749_015_468),
        ("5 Conners Road, Kingston, NY 12401, USA", 419_999_544, -740_371_136),
        ("Mid Hudson Psychiatric Center, New Hampton, NY 10958, USA", 414_008_389, -743_951_297),
        ("Berkshire Valley Management Area Trail, Jefferson, NJ, USA", 409_146_138, -746_188_906),
    ];
    let feature = |(name, latitude, longitude): (&str, _, _)| Feature {
        name: name.into(),
        location: Some(Point { latitude, longitude }),
    };
    known.map(feature).into()
}

/// A point.
#[must_use]
pub const fn at(latitude: i32, longitude: i32) -> Point {
    Point { latitude, longitude }
}

/// A route.
#[must_use]
pub const fn points() -> [Point; 4] {
    [
        at(407_838_351, -746_143_763),
        at(408_122_808, -743_999_179),
        at(410_000_000, -740_000_000),
        at(414_008_389, -743_951_297),
    ]
}

/// Notes of a traveller.
pub fn some_notes() -> impl Iterator<Item = RouteNote> {
    let places = [("first", 0, 1), ("second", 0, 2), ("third", 0, 1), ("fourth", 0, 1)];
    places.into_iter().map(|(name, latitude, longitude)| RouteNote {
        location: Some(at(latitude, longitude)),
        message: format!("{name} message"),
    })
}
