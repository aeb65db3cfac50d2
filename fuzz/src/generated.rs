//! Messages of generated code: through the codecs of their methods, and through a whole call in this process.

use bytes::Bytes;
use core::fmt::Debug;
use sailplane::{Call, Method, Result, Services, blocking};
use sailplane_blocking::Channel;
use sailplane_examples_protos::{greet, pb, routeguide};
use std::cell::OnceCell;

use crate::Input;
use pb::shop::orders::{Order, OrdersBlocking, OrdersBlockingServer, OrdersClient, OrdersMethods};

/// Octets as messages of `protos/examples`: what decodes, encodes to something that decodes to the same; and
/// an order comes back unchanged from a service that returns it.
pub fn generated_code(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(8) {
        0 => round_trip(&greet::GreeterMethods::SAY_HELLO, input.rest()),
        1 => round_trip(&routeguide::RouteGuideMethods::GET_FEATURE, input.rest()),
        2 => round_trip(&routeguide::RouteGuideMethods::LIST_FEATURES, input.rest()),
        3 => round_trip(&routeguide::RouteGuideMethods::RECORD_ROUTE, input.rest()),
        4 => round_trip(&routeguide::RouteGuideMethods::ROUTE_CHAT, input.rest()),
        5 => round_trip(&OrdersMethods::CANCEL, input.rest()),
        6 => round_trip(&OrdersMethods::PLACE, input.rest()),
        _ => call(input.rest()),
    }
}

fn round_trip<Q: Clone + PartialEq + Debug, R: Clone + PartialEq + Debug>(
    method: &Method<Q, R>,
    octets: &[u8],
) {
    let octets = Bytes::copy_from_slice(octets);
    if let Ok(request) = method.decode_request(octets.clone()) {
        let wire = method.encode(&request);
        let back = method.decode_request(wire.clone()).expect("our own message is sound");
        assert_eq!(back, request);
        assert_eq!(method.encode(&back), wire);
    }
    if let Ok(reply) = method.decode(octets) {
        let wire = method.encode_reply(&reply);
        assert_eq!(method.decode(wire).expect("our own message is sound"), reply);
    }
}

struct Mirror;

impl OrdersBlocking for Mirror {
    fn place(&self, request: Order, _: &Call) -> Result<Order> {
        Ok(request)
    }

    fn cancel(&self, _: Order, _: &Call) -> Result<pb::google::protobuf::Empty> {
        Ok(pb::google::protobuf::Empty {})
    }

    fn watch(&self, order: Order, mut replies: blocking::Sender<Order>, _: &Call) -> Result<()> {
        let _ = replies.send(&order);
        Ok(())
    }
}

thread_local! {
    static CLIENT: OnceCell<OrdersClient<Channel>> = const { OnceCell::new() };
}

fn call(octets: &[u8]) {
    let Ok(order) = OrdersMethods::PLACE.decode_request(Bytes::copy_from_slice(octets)) else { return };
    CLIENT.with(|client| {
        let client = client.get_or_init(|| {
            let services = Services::new().service(OrdersBlockingServer::new(Mirror));
            OrdersClient::new(Channel::in_process(services))
        });
        assert_eq!(client.place(&order).expect("the service returns it"), order);
    });
}
