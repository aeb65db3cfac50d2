//! Generates the code of one proto for each implementation.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    sailplane_build::Config::new().bytes(["."]).compile(["proto/bench.proto"])?;
    #[cfg(feature = "peers")]
    peers()?;
    Ok(())
}

/// The same messages with the same settings, for the other stacks.
#[cfg(feature = "peers")]
fn peers() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    let mut proto = protox::Compiler::new(["proto"])?;
    proto.include_imports(true).include_source_info(true).open_file("proto/bench.proto")?;

    let tonic = out.join("tonic");
    std::fs::create_dir_all(&tonic)?;
    tonic_prost_build::configure().bytes(".").out_dir(tonic).compile_fds(proto.file_descriptor_set())?;

    // It would run `protoc`, if it was not given a file of descriptors.
    let descriptors = out.join("bench.binpb");
    std::fs::write(&descriptors, proto.encode_file_descriptor_set())?;
    let mut settings = connectrpc_build::CodeGenConfig::default();
    settings.bytes_fields.push((".".into(), buffa_codegen::BytesRepr::Bytes));
    // The file that was just written is no reason to run this again.
    connectrpc_build::Config::new()
        .buffa_config(settings)
        .generate_json(false)
        .file_per_package(true)
        .emit_rerun_directives(false)
        .descriptor_set(descriptors)
        .files(&["bench.proto"])
        .out_dir(out.join("connect"))
        .compile()?;
    Ok(())
}
