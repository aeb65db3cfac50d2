//! Generates the code of one proto for each implementation.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    sailplane_build::Config::new().bytes(["."]).compile(["proto/bench.proto"])?;
    #[cfg(feature = "peers")]
    peers()?;
    Ok(())
}

/// The same messages with the same settings, for tonic.
#[cfg(feature = "peers")]
fn peers() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?).join("tonic");
    std::fs::create_dir_all(&out)?;
    let descriptors = protox::compile(["proto/bench.proto"], ["proto"])?;
    tonic_prost_build::configure().bytes(".").out_dir(out).compile_fds(descriptors)?;
    Ok(())
}
