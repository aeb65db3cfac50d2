//! Large messages, and those that are too large.

use sailplane::Code;

use crate::behaviour::scenarios::{assert_status, say};
use crate::behaviour::{AnyClient, Cable, Transport, World};
use crate::pb::Request;

const MIB: usize = 1024 * 1024;

/// 64 MiB, which must be allowed, in both directions at the cost of memory only.
pub fn large_messages(world: &World) {
    world.limit_client(|limits| limits.message_bytes_max(65 * MIB));
    world.limit_server(|limits| limits.message_bytes_max(65 * MIB));
    let client = world.client();
    let reply = client.unary(&Request { reply_size: 1, ..say(vec![7; 64 * MIB]) }).unwrap();
    assert_eq!(reply.octets, 64 * MIB as u64);
    let reply = client.unary(&Request { reply_size: 64 * MIB as u64, ..Request::default() }).unwrap();
    assert_eq!(reply.payload.len(), 64 * MIB);
    assert!(reply.payload.iter().all(|&octet| octet == 0x5a));
}

/// A request of 5 MiB where 4 are allowed ends its call. The connection lives.
pub fn too_large_request(world: &World) {
    on_one_connection(world, |client| {
        let reply = client.unary(&Request { reply_size: 1, ..say(vec![7; 4 * MIB - 100]) }).unwrap();
        assert_eq!(reply.requests, 1);
        let request = Request { reply_size: 1, ..say(vec![7; 5 * MIB]) };
        assert_status(client.unary(&request), Code::ResourceExhausted, "");
        assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    });
}

/// A reply of 5 MiB where 4 are allowed ends its call. The connection lives.
pub fn too_large_reply(world: &World) {
    on_one_connection(world, |client| {
        let request = Request { reply_size: 5 * MIB as u64, ..Request::default() };
        assert_status(client.unary(&request), Code::ResourceExhausted, "");
        assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
        let mut replies = client.down(&Request { count: 2, ..request });
        assert_status(replies.message(), Code::ResourceExhausted, "");
        assert_eq!(client.unary(&say("next")).unwrap().payload, b"next");
    });
}

/// Runs `calls`, and asserts that one connection was enough.
fn on_one_connection(world: &World, calls: impl Fn(&AnyClient)) {
    if world.pairing.transport == Transport::InProcess {
        return calls(&world.client());
    }
    let cable = Cable::new(world, &[]);
    calls(&world.client_of(cable.target()));
    assert_eq!(cable.connections(), 1);
}
