//! Generates the code of all protos.

fn main() -> Result<(), sailplane_build::Error> {
    sailplane_build::Config::new().compile([
        "proto/helloworld.proto",
        "proto/greet.proto",
        "proto/route_guide.proto",
        "proto/shop/shop.proto",
        "proto/shop/orders.proto",
    ])
}
