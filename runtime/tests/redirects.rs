//! A bucket that is in another region than the client thought: followed once, signed anew, remembered.

#![cfg(feature = "test-util")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use integration_s3_runtime::call::{Call, Core, Operation};
use integration_s3_runtime::config::ConfigBuilder;
use integration_s3_runtime::error::{S3Error, no_codes};
use integration_s3_runtime::identity::Credentials;
use integration_s3_runtime::plumbing::{ChecksumRule, OperationFacts, Reply, RequestWriter, Verb};
use integration_s3_runtime::transport::scripted::{Answer, ScriptedTransport};

const fn facts(name: &'static str, verb: Verb) -> OperationFacts {
    OperationFacts {
        name,
        span: "try",
        verb,
        error_in_200: false,
        checksum: ChecksumRule::None,
        idempotent: true,
        streams_in: false,
        streams_out: false,
    }
}

/// A request for a key of that bucket.
#[derive(Clone)]
struct On<const HEAD: bool>(&'static str);

impl<const HEAD: bool> Operation for On<HEAD> {
    type Output = ();
    const FACTS: &'static OperationFacts =
        if HEAD { &facts("HeadThing", Verb::Head) } else { &facts("GetThing", Verb::Get) };

    fn bucket(&self) -> Option<&str> {
        Some(self.0)
    }

    fn encode(&mut self, w: &mut RequestWriter) {
        w.bucket(self.0);
        w.key("a b");
    }

    async fn decode(&self, reply: &mut Reply) -> Result<Box<()>, S3Error> {
        reply.finish().await.map(Box::new)
    }
}

type Get = On<false>;
type Head = On<true>;

fn client(script: &ScriptedTransport) -> Arc<Core> {
    let config = ConfigBuilder::config()
        .region("us-east-1")
        .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
        .transport(script.clone())
        .build()
        .unwrap();
    Core::new(config, no_codes).unwrap()
}

async fn send<O: Operation>(client: &Arc<Core>, request: O) -> Result<O::Output, S3Error> {
    Call::new(client.clone()).send(Box::new(request)).await
}

/// Host and signing region of each request sent.
fn sent(script: &ScriptedTransport) -> Vec<(String, String)> {
    let region = |auth: &str| auth.split("/s3/aws4_request").next()?.rsplit('/').next().map(str::to_owned);
    script
        .requests()
        .iter()
        .map(|seen| (seen.url.host().unwrap().to_owned(), seen.header("authorization").and_then(region).unwrap()))
        .collect()
}

fn pair(region: &str) -> (String, String) {
    (format!("bkt.s3.{region}.amazonaws.com"), region.to_owned())
}

const MALFORMED: &str = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting \
    'eu-west-1'</Message><Region>eu-west-1</Region></Error>";
const PERMANENT: &str = "<Error><Code>PermanentRedirect</Code><Message>use the endpoint</Message><Endpoint>bkt.s3.eu-west-1.amazonaws.com</Endpoint></Error>";

#[tokio::test]
async fn each_way_of_saying_where_the_bucket_is_leads_there_and_is_remembered() {
    let moved = |answer: Answer| answer.header("x-amz-bucket-region", "eu-west-1");
    for (what, answer, head) in [
        ("301 with a header", moved(Answer::status(301)).body(PERMANENT), false),
        ("307 with a header", moved(Answer::status(307)).body(PERMANENT), false),
        ("400 with the region in the body", Answer::status(400).body(MALFORMED), false),
        ("301 to HEAD, which has no body", moved(Answer::status(301)), true),
        ("400 to HEAD, which has no body", moved(Answer::status(400)), true),
    ] {
        let script = ScriptedTransport::new();
        script.on_any().answer(answer).always(Answer::ok());
        let client = client(&script);
        if head {
            send(&client, Head::bucket_of_the_test()).await
        } else {
            send(&client, Get::bucket_of_the_test()).await
        }
        .expect(what);
        send(&client, Get::bucket_of_the_test()).await.unwrap();
        assert_eq!(sent(&script), [pair("us-east-1"), pair("eu-west-1"), pair("eu-west-1")], "{what}");
        let requests = script.requests();
        assert_ne!(requests[0].header("authorization"), requests[1].header("authorization"), "{what}: signed anew");
        assert_eq!(requests[1].path(), "/a%20b", "{what}");
    }
}

impl<const HEAD: bool> On<HEAD> {
    fn bucket_of_the_test() -> Self {
        Self("bkt")
    }
}

#[tokio::test]
async fn it_is_followed_once_and_the_second_is_an_error() {
    let script = ScriptedTransport::new();
    script
        .on_any()
        .answer(Answer::status(301).header("x-amz-bucket-region", "eu-west-1"))
        .always(Answer::status(301).header("x-amz-bucket-region", "ap-south-1"));
    let error = send(&client(&script), Get::bucket_of_the_test()).await.unwrap_err();
    assert_eq!(error.status(), Some(301));
    assert_eq!(sent(&script), [pair("us-east-1"), pair("eu-west-1")]);
}

#[tokio::test]
async fn what_leads_nowhere_is_not_followed() {
    for region in ["us-east-1", "not a region", "evil.example.com/", ""] {
        let script = ScriptedTransport::new();
        script.on_any().always(Answer::status(301).header("x-amz-bucket-region", region));
        let error = send(&client(&script), Get::bucket_of_the_test()).await.unwrap_err();
        assert_eq!(error.status(), Some(301));
        assert_eq!(script.requests().len(), 1, "{region:?}");
    }
}

#[tokio::test]
async fn other_buckets_stay_where_they_are() {
    let script = ScriptedTransport::new();
    script.on_any().answer(Answer::status(301).header("x-amz-bucket-region", "eu-west-1")).always(Answer::ok());
    let client = client(&script);
    send(&client, Get::bucket_of_the_test()).await.unwrap();
    send(&client, On::<false>("other")).await.unwrap();
    assert_eq!(sent(&script)[2], ("other.s3.us-east-1.amazonaws.com".to_owned(), "us-east-1".to_owned()));
}

/// A thousand buckets are kept; one more makes it start anew, and having forgotten costs one redirect.
#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let names: Vec<&'static str> = (0..=1_000).map(|n| &*format!("bucket-{n}").leak()).collect();
    let script = ScriptedTransport::new();
    let mut rule = script.on_any();
    for _ in &names {
        rule = rule.answer(Answer::status(301).header("x-amz-bucket-region", "eu-west-1")).answer(Answer::ok());
    }
    drop(rule.always(Answer::ok()));
    let client = client(&script);
    for name in &names {
        send(&client, On::<false>(name)).await.unwrap();
    }
    for (name, region) in [(names[1_000], "eu-west-1"), (names[0], "us-east-1")] {
        send(&client, On::<false>(name)).await.unwrap();
        assert_eq!(sent(&script).last().unwrap().1, region, "{name}");
    }
}

#[tokio::test]
async fn at_a_custom_endpoint_only_the_signature_changes() {
    let script = ScriptedTransport::new();
    script.on_any().answer(Answer::status(400).body(MALFORMED)).always(Answer::ok());
    let config = ConfigBuilder::config()
        .endpoint("http://127.0.0.1:9000")
        .credentials(Credentials::new("AKIDEXAMPLE", "secret"))
        .transport(script.clone())
        .build()
        .unwrap();
    let client = Core::new(config, no_codes).unwrap();
    send(&client, Get::bucket_of_the_test()).await.unwrap();
    let here = |region: &str| ("127.0.0.1".to_owned(), region.to_owned());
    assert_eq!(sent(&script), [here("us-east-1"), here("eu-west-1")]);
}
