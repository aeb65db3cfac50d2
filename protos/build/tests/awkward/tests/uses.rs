//! Generated code is there under the names that the documentation says, and can be used.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use prost_types::FileDescriptorSet;
use prost_types::field_descriptor_proto::Type;
use sailplane::prost::Message;
use sailplane::stub::Start;
use sailplane::{AnyService, Blocking, Channel, Mode, Status, Stub as _, blocking};
use sailplane_build_awkward::pb::packages::packages::packages::Packages;
use sailplane_build_awkward::pb::prelude::{self, PreludeClient_, PreludeMethods_};
use sailplane_build_awkward::pb::rpcs::{
    ElsewhereMethods, KeywordsClient, KeywordsMethods, MethodsClient, MethodsMethods, Plain,
    SpellingsMethods, plain,
};
use sailplane_build_awkward::pb::{self, google, packages};

/// Fails every call with its path.
#[derive(Clone, Debug)]
struct Echo;

impl Channel for Echo {
    type Mode = Blocking;

    fn start(&self, start: Start<'_>) -> <Blocking as Mode>::Raw {
        Status::unavailable(start.method.path).into()
    }
}

fn path<T: std::fmt::Debug>(result: sailplane::Result<T>) -> String {
    result.unwrap_err().message().to_owned()
}

#[test]
fn clients_have_rpcs_whatever_they_are_called() {
    let (client, plain) = (KeywordsClient::new(Echo), Plain::default());
    assert_eq!(path(client.r#type(&plain)), "/rpcs.Keywords/type");
    assert_eq!(path(client.self_(&plain)), "/rpcs.Keywords/self");
    assert_eq!(path(client.self__(&plain)), "/rpcs.Keywords/Self");
    assert_eq!(path(client.r#move(&plain)), "/rpcs.Keywords/Move");
    assert_eq!(path(client.unnamed(&plain)), "/rpcs.Keywords/_");

    let client = MethodsClient::new(Echo);
    assert_eq!(path(client.new_(&plain)), "/rpcs.Methods/New");
    assert_eq!(path(client.new__(&plain)), "/rpcs.Methods/new_");
    assert_eq!(path(client.with_timeout(&plain)), "/rpcs.Methods/WithTimeout");
    assert_eq!(path(client.clone().finish()), "/rpcs.Methods/Clone");
    // What an rpc shadows stays reachable.
    let copy = Clone::clone(&client).wait_for_ready();
    let copy = sailplane::Stub::with_timeout(&copy, std::time::Duration::from_secs(1));
    assert_eq!(path(copy.cmp(&plain)), "/rpcs.Methods/Cmp");

    let client = PreludeClient_::new(Echo);
    assert_eq!(path(client.unary(&prelude::Option::default())), "/prelude.Prelude/Unary");
}

#[test]
fn constants_keep_the_names_of_the_proto_file_in_their_paths() {
    let paths = [
        SpellingsMethods::GET_V2URL.path(),
        SpellingsMethods::GET_FOO.path(),
        SpellingsMethods::GET_FOO_.path(),
        SpellingsMethods::GET_FOO__.path(),
        SpellingsMethods::GET_FOO_2.path(),
        KeywordsMethods::SELF.path(),
        MethodsMethods::NEW.path(),
        ElsewhereMethods::EMPTY.path(),
        PreludeMethods_::THIRD.path(),
    ];
    let expected = [
        "/rpcs.Spellings/GetV2URL",
        "/rpcs.Spellings/getFoo",
        "/rpcs.Spellings/Get_Foo",
        "/rpcs.Spellings/GET_FOO",
        "/rpcs.Spellings/get__foo__2",
        "/rpcs.Keywords/self",
        "/rpcs.Methods/New",
        "/rpcs.Elsewhere/Empty",
        "/prelude.Prelude/Third",
    ];
    assert_eq!(paths, expected);
}

struct Server;

impl prelude::Prelude for Server {
    async fn unary(
        &self,
        request: prelude::Option,
        _: &sailplane::Call,
    ) -> sailplane::Result<prelude::Result> {
        let ok = prelude::Some { option: Some(request) };
        Ok(prelude::Result { ok: Some(ok), err: None })
    }

    async fn server_streaming(
        &self,
        _: prelude::C,
        mut replies: sailplane::Sender<prelude::S>,
        _: &sailplane::Call,
    ) -> sailplane::Result<()> {
        Ok(replies.send(&prelude::S {}).await?)
    }

    async fn client_streaming(
        &self,
        mut requests: sailplane::Streaming<prelude::Box>,
        _: &sailplane::Call,
    ) -> sailplane::Result<prelude::Vec> {
        while requests.message().await?.is_some() {}
        Ok(prelude::Vec::default())
    }

    async fn bidi(
        &self,
        _: sailplane::Streaming<prelude::Call>,
        _: sailplane::Sender<prelude::Sender>,
        _: &sailplane::Call,
    ) -> sailplane::Result<()> {
        Ok(())
    }

    async fn third(&self, _: prelude::Status, call: &sailplane::Call) -> sailplane::Result<prelude::String> {
        let _ = call;
        Err(Status::unimplemented("third"))
    }
}

impl prelude::FooClientBlocking for Server {
    fn go(&self, _: prelude::Future, _: &sailplane::Call) -> sailplane::Result<prelude::From> {
        Ok(prelude::From {})
    }
}

impl prelude::NothingBlocking for Server {}

#[test]
fn servers_become_services() {
    let services: [AnyService; 3] = [
        prelude::PreludeServer::new(Server).into(),
        prelude::FooClientBlockingServer::new(Server).into(),
        prelude::NothingBlockingServer::new(Server).into(),
    ];
    let names = services.each_ref().map(|service| service.info().name);
    assert_eq!(names, ["prelude.Prelude", "prelude.FooClient", "prelude.Nothing"]);
    let methods = services.each_ref().map(|service| service.info().methods.len());
    assert_eq!(methods, [5, 1, 0]);
    assert_eq!(services[0].info().methods[4], PreludeMethods_::THIRD.info());
    let _: &dyn blocking::Service = &prelude::NothingBlockingServer::new(Server);
}

#[test]
fn a_service_has_the_descriptor_of_its_file_and_of_all_imports() {
    let service = AnyService::from(pb::rpcs::SpellingsBlockingServer::new(Nobody));
    let set = FileDescriptorSet::decode(service.info().file_descriptor_set).unwrap();
    let names = set.file.iter().map(|file| file.name()).collect::<Vec<_>>();
    let last = names.last().copied();
    assert_eq!(last, Some("rpcs.proto"));
    for needed in ["google/protobuf/empty.proto", "google/protobuf/struct.proto", "packages/inner.proto"] {
        assert!(names.contains(&needed), "{names:?}");
    }
    assert!(set.file.iter().all(|file| file.source_code_info.is_none()));
    let plain = &set.file.last().unwrap().message_type[0];
    assert_eq!(plain.field[0].r#type(), Type::String);
}

struct Nobody;

impl pb::rpcs::SpellingsBlocking for Nobody {
    fn get_v2url(&self, request: Plain, _: &sailplane::Call) -> sailplane::Result<Plain> {
        Ok(request)
    }

    fn get_foo(&self, request: Plain, _: &sailplane::Call) -> sailplane::Result<Plain> {
        Ok(request)
    }

    fn get_foo_(&self, request: Plain, _: &sailplane::Call) -> sailplane::Result<Plain> {
        Ok(request)
    }

    fn get_foo__(&self, request: Plain, _: &sailplane::Call) -> sailplane::Result<Plain> {
        Ok(request)
    }

    fn get_foo_2(&self, request: Plain, _: &sailplane::Call) -> sailplane::Result<Plain> {
        Ok(request)
    }
}

#[test]
fn the_tree_has_every_type_where_its_package_says() {
    let nested = packages::inner::plain::Nested { plain: Some(Box::default()) };
    let _ = packages::inner::Nested { text: "of the message `packages.Inner`".into() };
    let outer = packages::Packages {
        packages: Some(packages::packages::Packages { packages: Some(Packages { text: "deep".into() }) }),
        same: Some(packages::packages::Same {
            r#type: Some(packages::r#type::r#async::Type {
                any: Some(google::protobuf::Any::default()),
                text: Some(google::protobuf::StringValue { value: "text".into() }),
            }),
        }),
        root: Some(pb::RootNew::default()),
    };
    let decoded = packages::Packages::decode(outer.encode_to_vec().as_slice()).unwrap();
    assert_eq!(decoded, outer);
    assert!(nested.plain.is_some());
    let plain = Plain { r#async: Some(plain::Async::Await("a".into())), ..Plain::default() };
    assert_eq!(Plain::decode(plain.encode_to_vec().as_slice()).unwrap(), plain);
    // The types of an attribute and of `bytes`.
    assert!(prelude::Option { value: "a".into() } < prelude::Option { value: "b".into() });
    let _: sailplane::bytes::Bytes = prelude::Vec::default().data;
}

#[test]
fn defaults_of_proto2() {
    let everything = pb::proto2::Everything::default();
    assert_eq!(everything.text(), "a \"quoted\"\ttext");
    assert_eq!(everything.data(), b"\x01\xff");
    assert_eq!(everything.suffixed(), pb::proto2::Suffixed::TwoSuffix);
}

/// Each `expect` fails to compile where nothing is marked.
#[test]
#[deny(unfulfilled_lint_expectations)]
fn what_is_deprecated_is_marked() {
    #[expect(deprecated, reason = "a message")]
    let old = pb::deprecated::Old::default();
    #[expect(deprecated, reason = "an enum")]
    let kind = pb::deprecated::OldKind::default();
    #[expect(deprecated, reason = "a nested message")]
    let inner = pb::deprecated::new::Inner::default();
    #[expect(deprecated, reason = "a message without a package")]
    let root = pb::RootOld::default();
    #[expect(deprecated, reason = "a field")]
    let text = pb::deprecated::New::default().text;
    #[expect(deprecated, reason = "a service")]
    let service = pb::deprecated::OldServiceClient::new(Echo);
    let client = pb::deprecated::NewServiceClient::new(Echo);
    #[expect(deprecated, reason = "an rpc")]
    let reply = client.old(&pb::deprecated::New::default());
    drop((old, kind, inner, root, text, service));
    assert_eq!(path(reply), "/deprecated.NewService/Old");
    // A package alone has the same marks.
    #[expect(deprecated, reason = "a message")]
    let old = sailplane_build_awkward::alone::obsolete::Old::default();
    drop(old);
}
