//! Which requests go through a proxy: the rules of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, pure.
//!
//! Nothing here reads the environment or opens a connection; `dial` does the latter, `config` the former.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use zeroize::Zeroizing;

use crate::error::{ConfigurationError, S3Error};

/// A proxy: where it is, how it is reached, and what it is told about who asks.
///
/// `Debug` and `Display` never show its user name or password.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::transport::Proxy;
///
/// let proxy: Proxy = "http://alice:secret@proxy.example.com:3128".parse()?;
/// assert_eq!(proxy.to_string(), "http://***@proxy.example.com:3128");
/// # Ok::<(), integration_s3::error::S3Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    tls: bool,
    /// `name:port`; an IPv6 address in brackets.
    authority: String,
    authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Whether the connection to the proxy itself is TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    /// `name:port`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The proxy's own name, as its certificate has it.
    pub(super) fn host(&self) -> &str {
        split_port(&self.authority).0
    }

    pub(super) fn port(&self) -> u16 {
        // The authority was written by us, with a port.
        split_port(&self.authority).1.and_then(|port| port.parse().ok()).unwrap_or(80)
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }
}

impl FromStr for Proxy {
    type Err = S3Error;

    /// Reads `http://user:password@host:port`. Without a scheme `http://` is meant; the port is 80 then, or 443 for `https://`.
    /// User name and password may be percent-encoded.
    ///
    /// # Errors
    /// [`ConfigurationError::InvalidConfiguration`], saying what is wrong and not repeating the text.
    fn from_str(text: &str) -> Result<Self, S3Error> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            "socks4" | "socks4a" | "socks5" | "socks5h" => return Err(wrong("SOCKS proxies are not supported")),
            _ => return Err(wrong("the scheme of the proxy is neither http nor https")),
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place);
        let port = match port {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => port
                .parse::<u16>()
                .ok()
                .filter(|p| *p > 0)
                .ok_or_else(|| wrong("the port of the proxy is no number from 1 to 65535"))?,
        };
        let is_host = |host: &str| {
            !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        };
        let authority = match host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
            _ if is_host(host) => format!("{}:{port}", host.to_ascii_lowercase()),
            _ => return Err(wrong("the host of the proxy is no host name or address")),
        };
        let authorization = user.filter(|user| !user.is_empty()).map(basic).transpose()?;
        Ok(Self { tls, authority, authorization })
    }
}

/// The header for `user:password`, percent-decoded.
fn basic(user: &str) -> Result<HeaderValue, S3Error> {
    let user = if user.contains(':') { user.to_owned() } else { format!("{user}:") };
    let plain = Zeroizing::new(percent_encoding::percent_decode_str(&user).collect::<Vec<u8>>());
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain)));
    let mut value =
        HeaderValue::from_str(&text).map_err(|_| wrong("the user name of the proxy cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn wrong(what: &'static str) -> S3Error {
    S3Error::new(ConfigurationError::InvalidConfiguration, what).with_suggestion(
        "write the proxy like http://proxy.example.com:3128 or http://user:password@proxy.example.com:3128",
    )
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let user = if self.authorization.is_some() { "***@" } else { "" };
        write!(f, "{scheme}://{user}{}", self.authority)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// `host` and `port`; brackets around an address are taken off.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((host, tail)) = rest.split_once(']')
    {
        return (host, tail.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        // More than one colon and no brackets: an address.
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    }
}

/// Hosts that are reached without the proxy: what `NO_PROXY` holds.
///
/// Entries are separated by commas or blanks, and each is
/// - `*`: every host;
/// - a name, `example.com`: it and everything below it; a leading `.` or `*.` changes nothing;
/// - an address, `10.0.0.5` or `::1`;
/// - a network, `10.0.0.0/8`: for hosts that are written as addresses, names are not looked up;
/// - any of these but a network with a port, `example.com:8080`: that port only.
///
/// ```
/// # use integration_s3_runtime::facade as integration_s3;
/// use integration_s3::transport::NoProxy;
///
/// let direct = NoProxy::parse("localhost, .corp.example.com, 10.0.0.0/8, store.example.com:9000");
/// assert!(direct.covers("s3.corp.example.com", 443));
/// assert!(direct.covers("10.1.2.3", 443));
/// assert!(!direct.covers("store.example.com", 443));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    Name { name: String, port: Option<u16> },
    Address { address: IpAddr, port: Option<u16> },
    Network { address: IpAddr, bits: u32 },
}

impl NoProxy {
    /// Reads the list. Entries that mean nothing are left out: other programs read the same variable and know more.
    pub fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Self { rules: entries.filter_map(rule).collect() }
    }

    /// Whether that host is reached directly.
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok().map(plain);
        let on = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        self.rules.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Name { name, port } => {
                on(port)
                    && address.is_none()
                    && host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            Rule::Address { address: own, port } => on(port) && address == Some(*own),
            Rule::Network { address: own, bits } => address.is_some_and(|address| within(address, *own, *bits)),
        })
    }
}

fn rule(entry: &str) -> Option<Rule> {
    if entry == "*" {
        return Some(Rule::Any);
    }
    if let Some((address, bits)) = entry.split_once('/') {
        let address = plain(address.parse().ok()?);
        let bits = bits.parse().ok().filter(|bits| *bits <= if address.is_ipv4() { 32 } else { 128 })?;
        return Some(Rule::Network { address, bits });
    }
    let (host, port) = split_port(entry);
    let port = port.map(str::parse::<u16>).transpose().ok()?;
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(Rule::Address { address: plain(address), port });
    }
    let name = host.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty()).then_some(Rule::Name { name, port })
}

/// An IPv4 address that is written as IPv6 is the IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        v4 => v4,
    }
}

fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let same = |a: u128, b: u128, width: u32| {
        let shift = width.saturating_sub(bits);
        shift >= 128 || a >> shift == b >> shift
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

/// The proxies of a client and whom they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For https targets.
    pub https: Option<Proxy>,
    /// For plain http targets.
    pub http: Option<Proxy>,
    /// Hosts that are reached directly.
    pub direct: NoProxy,
    /// Whether `localhost` and loopback addresses go through the proxy too. A proxy of the environment is not meant for
    /// them.
    pub loopback: bool,
}

impl Proxies {
    /// The proxy for a target, if it has one.
    pub(super) fn of(&self, target: &Uri) -> Option<&Proxy> {
        let https = target.scheme() == Some(&http::uri::Scheme::HTTPS);
        let proxy = if https { &self.https } else { &self.http }.as_ref()?;
        let host = target.host()?;
        let port = target.port_u16().unwrap_or(if https { 443 } else { 80 });
        let spared = (!self.loopback && is_loopback(host)) || self.direct.covers(host, port);
        (!spared).then_some(proxy)
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.to_ascii_lowercase().ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| plain(address).is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_proxies_and_hides_who_asks() {
        for (text, shown) in [
            ("http://proxy.example.com:3128", "http://proxy.example.com:3128"),
            ("Proxy.Example.com:3128", "http://proxy.example.com:3128"),
            ("https://proxy.example.com", "https://proxy.example.com:443"),
            ("http://al%40ice:p%3Aw@10.0.0.1:8080/", "http://***@10.0.0.1:8080"),
            ("http://[::1]:3128", "http://[::1]:3128"),
        ] {
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(proxy.to_string(), shown);
            assert!(!format!("{proxy:?}").contains("ice"));
        }
        let proxy: Proxy = "http://al%40ice:p%3Aw@h".parse().unwrap();
        let header = proxy.authorization().unwrap();
        assert_eq!(header, &format!("Basic {}", STANDARD.encode("al@ice:p:w")));
        assert!(header.is_sensitive());
    }

    #[test]
    fn refuses_what_is_no_proxy_without_repeating_it() {
        for text in [
            "",
            "http://",
            "socks5://hush:1080",
            "ftp://hush",
            "http://h:0",
            "http://h:hush",
            "http://u:hush@h h",
            "http://hush@",
        ] {
            let error = text.parse::<Proxy>().unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn no_proxy_knows_names_addresses_networks_and_ports() {
        let covers = |list: &str, host: &str| {
            let (host, port) = host.rsplit_once(':').unwrap();
            NoProxy::parse(list).covers(host, port.parse().unwrap())
        };
        for (list, host, expected) in [
            ("*", "any.example.com:443", true),
            ("example.com", "example.com:443", true),
            ("example.com", "a.b.Example.com.:443", true),
            ("example.com", "badexample.com:443", false),
            (".example.com", "example.com:443", true),
            ("*.example.com", "s3.example.com:443", true),
            ("example.com:9000", "example.com:9000", true),
            ("example.com:9000", "example.com:443", false),
            ("10.0.0.5", "10.0.0.5:80", true),
            ("10.0.0.5:81", "10.0.0.5:80", false),
            ("10.0.0.0/8", "10.200.1.2:80", true),
            ("10.0.0.0/8", "11.0.0.1:80", false),
            ("0.0.0.0/0", "11.0.0.1:80", true),
            ("10.0.0.0/8", "ten.example.com:80", false),
            ("::1", "[::1]:80", true),
            ("[::1]:80", "[::1]:80", true),
            ("fd00::/8", "[fd12::5]:443", true),
            ("10.0.0.0/8", "[::ffff:10.1.1.1]:443", true),
            ("a.com, b.com c.com", "c.com:443", true),
            (",, ,", "c.com:443", false),
            ("10.0.0.0/33,1.2.3.4:x", "10.0.0.1:80", false),
            ("com", "10.0.0.1:80", false),
        ] {
            assert_eq!(covers(list, host), expected, "{list} {host}");
        }
    }

    #[test]
    fn picks_by_scheme_and_spares_loopback() {
        let proxies = Proxies {
            https: Some("http://p1:1".parse().unwrap()),
            http: Some("http://p2:2".parse().unwrap()),
            direct: NoProxy::parse("direct.example.com"),
            loopback: false,
        };
        let of = |url: &str| proxies.of(&url.parse().unwrap()).map(|p| p.authority().to_owned());
        assert_eq!(of("https://s3.example.com/b"), Some("p1:1".into()));
        assert_eq!(of("http://s3.example.com/b"), Some("p2:2".into()));
        assert_eq!(of("https://direct.example.com/b"), None);
        for local in ["http://127.0.0.1:9000/", "http://localhost/", "http://[::1]:9000/", "http://b.localhost/"] {
            assert_eq!(of(local), None, "{local}");
            let all = Proxies { loopback: true, ..proxies.clone() };
            assert!(all.of(&local.parse().unwrap()).is_some());
        }
    }
}
