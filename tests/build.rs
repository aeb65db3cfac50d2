//! Generates the service of the behaviour suite.

fn main() {
    sailplane_build::compile("proto/behaviour.proto");
}
