//! The list of options: what they are called, where they are read from, what they default to. Reading, explaining and
//! `docs/configuration.md` all follow it.

use super::reading::Reading::{self, *};

/// One option of a client.
#[derive(Debug)]
pub struct OptionFacts {
    /// Its place in the list.
    pub(crate) id: Opt,
    /// What it is called in reports: as the method of [`ConfigBuilder`](super::ConfigBuilder), where there is one.
    pub name: &'static str,
    /// Environment variables it is read from; the first that is set counts.
    pub(crate) variables: &'static [(&'static str, Reading)],
    /// Keys of the profile it is read from. Behind `s3.` stand keys that are nested below `s3 =`, in the profile or in the
    /// `[services]` section it names.
    pub(crate) keys: &'static [(&'static str, Reading)],
    /// The default, in words.
    pub default: &'static str,
    /// What it decides.
    pub doc: &'static str,
}

impl OptionFacts {
    /// The environment variables it is read from, the strongest first.
    pub fn variables(&self) -> impl Iterator<Item = &'static str> {
        self.variables.iter().map(|(name, _)| *name)
    }

    /// The keys of a profile it is read from, the strongest first.
    pub fn profile_keys(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|(name, _)| *name)
    }

    /// Whether its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.variables.iter().any(|(_, reading)| matches!(reading, Secret))
    }
}

const fn option(
    id: Opt,
    name: &'static str,
    variables: &'static [(&'static str, Reading)],
    keys: &'static [(&'static str, Reading)],
    default: &'static str,
    doc: &'static str,
) -> OptionFacts {
    OptionFacts { id, name, variables, keys, default, doc }
}

const MIB: u64 = 1 << 20;
const PART: Reading = Size { least: 5 * MIB, most: 5 << 30 };
const THRESHOLD: Reading = Size { least: 5 * MIB, most: 5 << 30 };
const MEMORY: Reading = Size { least: 5 * MIB, most: 1 << 40 };
const PARTS_AT_ONCE: Reading = Count { least: 1, most: 256 };
const ATTEMPTS: Reading = Count { least: 1, most: 1_000 };
const PATH_STYLE: Reading = Words(&[("true", "path"), ("false", "virtual")]);
const ADDRESSING: Reading = Words(&[("auto", "auto"), ("path", "path"), ("virtual", "virtual")]);
const WHEN: Reading = Words(&[("when_supported", "when_supported"), ("when_required", "when_required")]);
const RETRY_MODE: Reading = Words(&[("standard", "standard"), ("adaptive", "adaptive"), ("legacy", "standard")]);
const SIGNED: Reading = Words(&[("true", "signed"), ("false", "unsigned")]);

macro_rules! options {
    ($($id:ident $name:literal $variables:tt $keys:tt $default:literal $doc:literal;)*) => {
        /// The options by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Opt { $($id),* }

        /// All options, in the order in which they are shown.
        ///
        /// ```
        /// # use integration_s3_runtime::facade as integration_s3;
        /// let region = &integration_s3::config::OPTIONS[0];
        /// assert_eq!(region.name, "region");
        /// assert!(region.variables().eq(["AWS_REGION", "AWS_DEFAULT_REGION"]));
        /// ```
        pub static OPTIONS: &[OptionFacts] = &[$(option(Opt::$id, $name, &$variables, &$keys, $default, $doc)),*];
    };
}

options! {
    Region "region" [("AWS_REGION", Region), ("AWS_DEFAULT_REGION", Region)] [("region", Region)]
        "us-east-1 with a custom endpoint, else an error"
        "the region requests are signed for and sent to";
    Endpoint "endpoint" [("AWS_ENDPOINT_URL_S3", Url), ("AWS_ENDPOINT_URL", Url)] [("s3.endpoint_url", Url), ("endpoint_url", Url)]
        "AWS in the region"
        "where the store is, with a base path if it has one";
    IgnoreConfiguredEndpoints "ignore_configured_endpoints" [("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", Switch)] [("ignore_configured_endpoint_urls", Switch)]
        "false"
        "whether endpoints of the environment and of profiles are passed over";
    Provider "provider" [] []
        "none"
        "the store's make: sets endpoint, region, addressing, checksums and chunking as it needs them";
    Addressing "path_style" [("S3_INTEGRATION_PATH_STYLE", PATH_STYLE)] [("s3.addressing_style", ADDRESSING)]
        "auto"
        "whether buckets stand in the `path`, in the host (`virtual`), or `auto`: in the host on AWS, in the path elsewhere and for names no certificate covers";
    UseFips "use_fips" [("AWS_USE_FIPS_ENDPOINT", Switch)] [("use_fips_endpoint", Switch)]
        "false"
        "AWS's FIPS 140 endpoints";
    UseDualstack "use_dualstack" [("AWS_USE_DUALSTACK_ENDPOINT", Switch)] [("s3.use_dualstack_endpoint", Switch), ("use_dualstack_endpoint", Switch)]
        "false"
        "AWS's endpoints that have IPv6 as well";
    AllowHttp "allow_http" [] []
        "false"
        "plain http to hosts other than loopback";
    Credentials "credentials" [] []
        "the standard chain"
        "where credentials come from";
    Profile "profile" [("AWS_PROFILE", Text)] []
        "default"
        "the profile of the two files below that is used";
    ConfigFile "config_file" [("AWS_CONFIG_FILE", Text)] []
        "~/.aws/config"
        "profiles: settings, roles, SSO";
    CredentialsFile "credentials_file" [("AWS_SHARED_CREDENTIALS_FILE", Text)] []
        "~/.aws/credentials"
        "profiles: keys";
    AccessKeyId "access_key_id" [("AWS_ACCESS_KEY_ID", Secret)] []
        "none"
        "credentials of the environment: the key's id";
    SecretAccessKey "secret_access_key" [("AWS_SECRET_ACCESS_KEY", Secret)] []
        "none"
        "credentials of the environment: the secret";
    SessionToken "session_token" [("AWS_SESSION_TOKEN", Secret)] []
        "none"
        "credentials of the environment: the token of temporary ones";
    AccountId "account_id" [("AWS_ACCOUNT_ID", Text)] []
        "none"
        "credentials of the environment: the account they belong to";
    RoleArn "role_arn" [("AWS_ROLE_ARN", Text)] []
        "none"
        "web identity: the role to assume";
    RoleSessionName "role_session_name" [("AWS_ROLE_SESSION_NAME", Text)] []
        "made up"
        "web identity: the name of the session";
    WebIdentityTokenFile "web_identity_token_file" [("AWS_WEB_IDENTITY_TOKEN_FILE", Text)] []
        "none"
        "web identity: the file with the token";
    ContainerRelativeUri "container_relative_uri" [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", Text)] []
        "none"
        "container credentials: path on 169.254.170.2 (ECS)";
    ContainerFullUri "container_full_uri" [("AWS_CONTAINER_CREDENTIALS_FULL_URI", Text)] []
        "none"
        "container credentials: URL (EKS Pod Identity, Greengrass)";
    ContainerToken "container_token" [("AWS_CONTAINER_AUTHORIZATION_TOKEN", Secret)] []
        "none"
        "container credentials: what the endpoint wants to hear";
    ContainerTokenFile "container_token_file" [("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", Text)] []
        "none"
        "container credentials: the file with that, read each time";
    MetadataDisabled "metadata_disabled" [("AWS_EC2_METADATA_DISABLED", Switch)] []
        "false"
        "whether the instance metadata service is left alone";
    MetadataEndpoint "metadata_endpoint" [("AWS_EC2_METADATA_SERVICE_ENDPOINT", Text)] []
        "http://169.254.169.254"
        "where the instance metadata service is";
    MetadataMode "metadata_endpoint_mode" [("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", Words(&[("IPv4", "IPv4"), ("IPv6", "IPv6")]))] []
        "IPv4"
        "how the instance metadata service is reached when no endpoint is named";
    ConnectTimeout "connect_timeout" [] []
        "5s"
        "for opening a connection: name resolution, TCP, proxy and TLS together";
    ReadTimeout "read_timeout" [] []
        "30s"
        "for silence on the wire while the client waits for bytes";
    AttemptTimeout "attempt_timeout" [] []
        "no limit"
        "for one attempt, up to the head of its answer, without the wait for a connection";
    OperationTimeout "operation_timeout" [("S3_INTEGRATION_TIMEOUT_MS", Millis)] []
        "60s"
        "for a call with all its attempts, if it has no streaming body";
    MaxAttempts "max_attempts" [("S3_INTEGRATION_MAX_RETRIES", Retries), ("AWS_MAX_ATTEMPTS", ATTEMPTS)] [("max_attempts", ATTEMPTS)]
        "3"
        "how often a request is sent at most; `MAX_RETRIES` counts one less";
    RetryMode "retry_mode" [("AWS_RETRY_MODE", RETRY_MODE)] [("retry_mode", RETRY_MODE)]
        "standard"
        "`standard`, or `adaptive`: requests slow down too when the store is overloaded; `legacy` means `standard`";
    MaxConnections "max_connections" [] []
        "100"
        "connections in use at once, all hosts together; requests beyond wait for their turn";
    ConnectionWait "connection_wait" [] []
        "60s"
        "for how long no connection may become free before the requests that wait for one fail";
    ConnectionIdleTimeout "connection_idle_timeout" [] []
        "90s"
        "how long an idle connection is kept";
    PayloadSigning "payload_signing" [] [("s3.payload_signing_enabled", SIGNED)]
        "auto"
        "whether bodies are covered by the signature: `signed`, `unsigned`, or `auto`: over plain http only";
    RequestChecksums "request_checksums" [("AWS_REQUEST_CHECKSUM_CALCULATION", WHEN)] [("request_checksum_calculation", WHEN)]
        "when_supported on AWS, when_required with a custom endpoint"
        "when requests carry a checksum";
    ResponseChecksums "response_checksums" [("AWS_RESPONSE_CHECKSUM_VALIDATION", WHEN)] [("response_checksum_validation", WHEN)]
        "when_supported on AWS, when_required with a custom endpoint"
        "when checksums of answers are asked for and verified";
    AppName "app_name" [("AWS_SDK_UA_APP_ID", AppName)] [("sdk_ua_app_id", AppName)]
        "none"
        "a name for the `User-Agent` header";
    CaBundle "ca_bundle" [("AWS_CA_BUNDLE", Text)] [("ca_bundle", Text)]
        "none"
        "PEM file of certificate authorities to trust beside the system's";
    ClientCertificate "client_certificate" [] []
        "none"
        "PEM files of a certificate to show to servers that ask for one";
    AcceptInvalidCertificates "danger_accept_invalid_certificates" [] []
        "false"
        "whether anybody may pretend to be the store";
    HttpsProxy "https_proxy" [("HTTPS_PROXY", Proxy), ("https_proxy", Proxy), ("ALL_PROXY", Proxy), ("all_proxy", Proxy)] []
        "none"
        "the proxy for https endpoints (`proxy(..)` sets both)";
    HttpProxy "http_proxy" [("HTTP_PROXY", Proxy), ("http_proxy", Proxy), ("ALL_PROXY", Proxy), ("all_proxy", Proxy)] []
        "none"
        "the proxy for plain http endpoints";
    NoProxy "no_proxy_for" [("NO_PROXY", Text), ("no_proxy", Text)] []
        "none"
        "hosts reached directly: names with all below them, addresses, networks (`10.0.0.0/8`), each with a port if need be, `*`; loopback never goes through a proxy of the environment";
    MultipartThreshold "multipart_threshold" [("S3_INTEGRATION_MULTIPART_THRESHOLD", THRESHOLD)] [("s3.multipart_threshold", THRESHOLD)]
        "16 MiB"
        "from which size uploads go in parts";
    MultipartPartSize "multipart_part_size" [("S3_INTEGRATION_MULTIPART_PART_SIZE", PART)] [("s3.multipart_chunksize", PART)]
        "8 MiB"
        "the size of a part; larger where 10,000 parts would not suffice";
    MultipartConcurrency "multipart_concurrency" [("S3_INTEGRATION_MULTIPART_CONCURRENCY", PARTS_AT_ONCE)] [("s3.max_concurrent_requests", PARTS_AT_ONCE)]
        "4"
        "parts in flight at once";
    TransferMemory "transfer_memory" [("S3_INTEGRATION_TRANSFER_MEMORY", MEMORY)] []
        "256 MiB"
        "what all transfers of a client together may hold of parts in memory";
    RateLimit "rate_limits" [("S3_INTEGRATION_RATE_LIMIT_RPS", Count { least: 1, most: 1_000_000 })] []
        "none"
        "requests per second at most";
    CircuitFailures "circuit" [("S3_INTEGRATION_CB_THRESHOLD", Count { least: 0, most: 1_000_000 })] []
        "5"
        "failures in a row after which a bucket is left alone; 0: never";
    CircuitReset "circuit_reset" [("S3_INTEGRATION_CB_RESET_MS", Millis)] []
        "30s"
        "for how long it is left alone; a part of `circuit(..)`";
    StalledStreams "stalled_streams" [] []
        "under 1 byte per second over 5 s"
        "when the body of an answer that trickles is given up";
}
