//! Requests that this host makes on behalf of others: to addresses that a character or a model names.
//!
//! Such an address must not lead into the operator's own network. So what is checked is not the name
//! but each very address that is connected to: numbers in the address itself when it is asked for,
//! names when they are resolved, and both again at each redirect. A [`Guard`] holds the rule and
//! builds clients that keep it.

mod address;
mod hosts;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Url};

pub use address::Reach;
pub use hosts::Hosts;

/// How often an address may send on to another.
pub const REDIRECTS_MAX: usize = 5;

/// How long it may take to be connected.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// Bytes of the head of an answer; one over HTTP/1 is also held to the bounds of the client.
const HEAD_MAX_BYTES: u32 = 64 * 1024;

/// Lines of the head of an answer.
const HEAD_LINES_MAX: usize = 128;

/// Bytes of an address that is asked for.
const URL_MAX_BYTES: usize = 4096;

/// Why an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not an address.
    #[error("not an address: {0}")]
    Unreadable(String),
    /// It is longer than any that is needed.
    #[error("the address is longer than {URL_MAX_BYTES} bytes")]
    TooLong,
    /// It is of another sort.
    #[error("only http and https are spoken, not {0}")]
    Scheme(String),
    /// It holds a user's name or a password.
    #[error("an address must not hold credentials")]
    Credentials,
    /// The host's name is not among those allowed.
    #[error("the host {0} is not among those allowed")]
    Host(String),
    /// It leads, or all that it is resolved to leads, to where the rule does not reach.
    #[error("{0} does not lead to a public address")]
    Private(String),
    /// It sends on too often.
    #[error("it sends on more than {REDIRECTS_MAX} times")]
    Redirects,
}

impl Refused {
    /// The refusal behind a client's error, if that is what it is.
    #[must_use]
    pub fn behind(error: &reqwest::Error) -> Option<&Self> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref() {
                return Some(refused);
            }
            cause = error.source();
        }
        None
    }
}

/// Which hosts may be asked, and how far into the network that may reach. Clones share the rule.
#[derive(Clone, Debug)]
pub struct Guard {
    hosts: Arc<Hosts>,
    reach: Reach,
}

impl Guard {
    /// A guard that lets through what both allow.
    #[must_use]
    pub fn new(hosts: Hosts, reach: Reach) -> Self {
        Self { hosts: Arc::new(hosts), reach }
    }

    /// Reads an address, if it may be asked for as far as can be told before its name is resolved.
    ///
    /// # Errors
    /// Why it may not.
    pub fn read(&self, address: &str) -> Result<Url, Refused> {
        if address.len() > URL_MAX_BYTES {
            return Err(Refused::TooLong);
        }
        let url = Url::parse(address).map_err(|error| Refused::Unreadable(error.to_string()))?;
        self.check(&url)?;
        Ok(url)
    }

    /// The same of an address that is read already.
    ///
    /// # Errors
    /// Why it may not be asked for.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let host = url.host_str().unwrap_or_default();
        if !self.hosts.allow(host) {
            return Err(Refused::Host(host.to_owned()));
        }
        // A number is connected to without being resolved, so that no resolver sees it.
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(number) if !self.reach.allows(number) => Err(Refused::Private(host.to_owned())),
            _ => Ok(()),
        }
    }

    /// What a client that keeps the rule is built from: through no proxy, without cookies, a bounded
    /// number of redirects, each of which is checked. Deadlines for the answer are still to be set.
    ///
    /// What is to be asked must have passed [`read`](Self::read) or [`check`](Self::check) before: a
    /// client checks only names that it resolves, and redirects.
    pub fn client(&self) -> ClientBuilder {
        // A client cannot be built before a provider of cryptography is there; again does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let guard = self.clone();
        let redirects = Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS_MAX {
                return attempt.error(Refused::Redirects);
            }
            match guard.check(attempt.url()) {
                Ok(()) => attempt.follow(),
                Err(refused) => attempt.error(refused),
            }
        });
        reqwest::Client::builder()
            // A proxy would connect for us, to what nobody checked.
            .no_proxy()
            .redirect(redirects)
            .referer(false)
            .connect_timeout(CONNECTED_WITHIN)
            .http1_max_headers(HEAD_LINES_MAX)
            .http2_max_header_list_size(HEAD_MAX_BYTES)
            .dns_resolver(Arc::new(Resolver(self.reach)))
    }
}

/// Resolves names to such addresses alone as may be reached.
struct Resolver(Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            // The client connects to these and asks nobody again, so that a name which leads
            // elsewhere the next time gains nothing.
            let allowed: Vec<SocketAddr> =
                found.filter(|address| reach.allows(address.ip())).collect();
            if allowed.is_empty() {
                return Err(Refused::Private(name.as_str().to_owned()).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str], reach: Reach) -> Guard {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        Guard::new(Hosts::read(&hosts).unwrap(), reach)
    }

    #[test]
    fn addresses_are_refused_for_what_they_say() {
        let guard = guard(&["*"], Reach::Public);
        for (address, expected) in [
            ("http://example.org/a?b", None),
            ("https://EXAMPLE.org:8443/", None),
            ("http://93.184.216.34/", None),
            ("http://[2606:4700::1111]/", None),
            ("ftp://example.org/", Some(Refused::Scheme("ftp".into()))),
            ("file:///etc/passwd", Some(Refused::Scheme("file".into()))),
            ("javascript:1", Some(Refused::Scheme("javascript".into()))),
            ("http://user@example.org/", Some(Refused::Credentials)),
            ("http://:secret@example.org/", Some(Refused::Credentials)),
            ("http://127.0.0.1/", Some(Refused::Private("127.0.0.1".into()))),
            // Other ways to write the same number.
            ("http://2130706433/", Some(Refused::Private("127.0.0.1".into()))),
            ("http://0x7f.1/", Some(Refused::Private("127.0.0.1".into()))),
            ("http://017700000001/", Some(Refused::Private("127.0.0.1".into()))),
            ("http://127.0.0.1./", Some(Refused::Private("127.0.0.1".into()))),
            ("http://①②⑦.0.0.1/", Some(Refused::Private("127.0.0.1".into()))),
            ("http://169.254.169.254/latest/", Some(Refused::Private("169.254.169.254".into()))),
            ("http://[::1]/", Some(Refused::Private("[::1]".into()))),
            ("http://[::ffff:10.0.0.1]/", Some(Refused::Private("[::ffff:a00:1]".into()))),
        ] {
            assert_eq!(guard.read(address).err(), expected, "{address}");
        }
        assert!(matches!(guard.read("no address"), Err(Refused::Unreadable(_))));
        assert!(matches!(guard.read("http://"), Err(Refused::Unreadable(_))));
        let long = format!("http://example.org/{}", "a".repeat(URL_MAX_BYTES));
        assert_eq!(guard.read(&long), Err(Refused::TooLong));
    }

    #[test]
    fn hosts_that_are_not_allowed_are_refused_whatever_their_address() {
        let guard = guard(&["example.org"], Reach::Anywhere);
        assert!(guard.read("http://example.org/").is_ok());
        for address in ["http://example.com/", "http://127.0.0.1/", "http://[::1]/"] {
            assert!(matches!(guard.read(address), Err(Refused::Host(_))), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let guard = guard(&["*"], Reach::Public);
        let url = guard.read(&format!("http://localhost:{port}/")).unwrap();
        let error = guard.client().build().unwrap().get(url).send().await.unwrap_err();
        assert_eq!(Refused::behind(&error), Some(&Refused::Private("localhost".to_owned())));
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
