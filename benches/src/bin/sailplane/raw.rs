//! Octets over TCP and nothing else: what the network itself costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use sailplane_benches::Error;
use sailplane_benches::load::Load;
use sailplane_benches::meter::Meter;
use sailplane_benches::program::{ClientKind, ServerKind};

/// A blocking socket at each end. A connection begins with the size of what goes each way, in eight octets;
/// then each end writes so much when it has read so much.
pub(crate) struct Raw;

impl ServerKind for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn serve(&self, listening: &dyn Fn(SocketAddr)) -> Result<(), Error> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listening(listener.local_addr()?);
        for stream in listener.incoming() {
            let stream = stream?;
            thread::spawn(move || answer(stream));
        }
        Ok(())
    }
}

fn answer(mut stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut size = [0; 8];
    stream.read_exact(&mut size)?;
    let mut body = vec![0; usize::try_from(u64::from_be_bytes(size))?];
    loop {
        stream.read_exact(&mut body)?;
        stream.write_all(&body)?;
    }
}

impl ClientKind for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&u64::try_from(load.size)?.to_be_bytes())?;
        let mut body = vec![0; load.size];
        loop {
            let started = Instant::now();
            stream.write_all(&body)?;
            stream.read_exact(&mut body)?;
            meter.add_timed(started.elapsed());
        }
    }
}
