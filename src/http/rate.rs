//! Rate limits: so many requests of one client in each window of time.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use greenroom_actors::time::UnixMillis;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Clients whose windows are kept at once. The one unseen for longest gives way; an entry is about
/// a hundred bytes.
const CLIENTS_MAX: u64 = 100_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
const OLD_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const OLD_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const OLD_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How often a client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests in each window.
    pub max: u32,
    /// How long a window lasts.
    pub window: Duration,
}

/// Counts the requests of each client against one quota.
///
/// The window of a client opens with its first request and closes when its time is over.
#[derive(Debug)]
pub struct Limiter {
    quota: Quota,
    windows: Cache<u128, Arc<Window>>,
}

#[derive(Debug)]
struct Window {
    opened: UnixMillis,
    taken: AtomicU32,
}

/// What a limiter said of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    quota: Quota,
    remaining: u32,
    resets_at: UnixMillis,
    now: UnixMillis,
    /// Whether the request is one too many.
    pub is_refused: bool,
}

impl Limiter {
    /// A limiter that has seen nobody yet.
    #[must_use]
    pub fn new(quota: Quota) -> Self {
        let windows = Cache::builder()
            .max_capacity(CLIENTS_MAX)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(quota.window)
            .build();
        Self { quota, windows }
    }

    /// Counts one request of `client`.
    pub fn count(&self, client: IpAddr, now: UnixMillis) -> Verdict {
        let key = group(client);
        let open = || Arc::new(Window { opened: now, taken: AtomicU32::new(0) });
        let mut window = self.windows.get_with(key, open);
        // The cache lets a window live by its own clock; what counts is the host's.
        if now.since(window.opened) >= self.quota.window {
            window = open();
            self.windows.insert(key, Arc::clone(&window));
        }
        let before = window
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| taken.checked_add(1))
            .unwrap_or(u32::MAX);
        self.verdict(window.opened, before, now)
    }

    /// What [`count`](Self::count) would say of one more request of `client`, without counting it.
    #[must_use]
    pub fn foresee(&self, client: IpAddr, now: UnixMillis) -> Verdict {
        let window = self.windows.get(&group(client));
        let window = window.filter(|window| now.since(window.opened) < self.quota.window);
        let (opened, taken) =
            window.map_or((now, 0), |window| (window.opened, window.taken.load(Ordering::Relaxed)));
        self.verdict(opened, taken, now)
    }

    fn verdict(&self, opened: UnixMillis, before: u32, now: UnixMillis) -> Verdict {
        Verdict {
            quota: self.quota,
            remaining: self.quota.max.saturating_sub(before).saturating_sub(1),
            resets_at: opened.plus(self.quota.window),
            now,
            is_refused: before >= self.quota.max,
        }
    }
}

impl Verdict {
    /// Whole seconds until the window closes, at least 1.
    #[must_use]
    pub fn wait_s(&self) -> u64 {
        let left = self.resets_at.since(self.now);
        left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
    }

    /// Tells the client how it stands, by the names that were usual before the draft.
    pub fn tell_as_of_old(&self, headers: &mut HeaderMap) {
        headers.insert(OLD_LIMIT, HeaderValue::from(self.quota.max));
        headers.insert(OLD_REMAINING, HeaderValue::from(self.remaining));
        headers.insert(OLD_RESET, HeaderValue::from(self.resets_at.0.div_euclid(1000)));
        if self.is_refused {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.wait_s()));
        }
    }

    /// Tells the client how it stands. The reset is in Unix seconds.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let policy = format!("{};w={}", self.quota.max, self.quota.window.as_secs());
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            headers.insert(POLICY, policy);
        }
        headers.insert(LIMIT, HeaderValue::from(self.quota.max));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.resets_at.0.div_euclid(1000)));
        if self.is_refused {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.wait_s()));
        }
    }
}

/// Who counts as one client: an IPv4 address, or an IPv6 network of 56 bits, since a household is
/// given that many addresses.
pub(crate) fn group(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & !(u128::MAX >> 56),
    }
}

/// Whether the address is of this machine.
#[must_use]
pub fn is_loopback(client: IpAddr) -> bool {
    client.to_canonical().is_loopback()
}

/// Whether the address is of this machine or of a private IPv4 network.
#[must_use]
pub fn is_nearby(client: IpAddr) -> bool {
    match client.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address == Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { max: 2, window: Duration::from_secs(60) };

    #[test]
    fn a_window_takes_its_quota_and_opens_anew_when_its_time_is_over() {
        let limiter = Limiter::new(QUOTA);
        let client: IpAddr = "203.0.113.7".parse().unwrap();
        for (at, remaining, is_refused) in [
            (0, 1, false),
            (10_000, 0, false),
            (20_000, 0, true),
            (59_999, 0, true),
            (60_000, 1, false),
        ] {
            let verdict = limiter.count(client, UnixMillis(at));
            assert_eq!((verdict.remaining, verdict.is_refused), (remaining, is_refused), "{at}");
        }
        let other: IpAddr = "203.0.113.8".parse().unwrap();
        assert!(!limiter.count(other, UnixMillis(20_000)).is_refused);
    }

    #[test]
    fn the_headers_are_those_of_the_draft_and_the_reset_is_a_date() {
        let limiter = Limiter::new(QUOTA);
        let client: IpAddr = "::1".parse().unwrap();
        let told = |at| {
            let mut headers = HeaderMap::new();
            limiter.count(client, UnixMillis(at)).tell(&mut headers);
            move |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let first = told(1_000_000);
        assert_eq!(first("ratelimit-policy").unwrap(), "2;w=60");
        assert_eq!(first("ratelimit-limit").unwrap(), "2");
        assert_eq!(first("ratelimit-remaining").unwrap(), "1");
        assert_eq!(first("ratelimit-reset").unwrap(), "1060");
        assert_eq!(first("retry-after"), None);
        assert_eq!(told(1_000_500)("retry-after"), None);
        let mut old = HeaderMap::new();
        limiter.count("203.0.113.9".parse().unwrap(), UnixMillis(5_000)).tell_as_of_old(&mut old);
        for (name, value) in [("limit", "2"), ("remaining", "1"), ("reset", "65")] {
            assert_eq!(old.get(format!("x-ratelimit-{name}")).unwrap(), value);
        }
        assert_eq!(told(1_000_500)("retry-after").unwrap(), "60");
    }

    #[test]
    fn neighbours_of_one_ipv6_network_are_one_client() {
        let same = |a: &str, b: &str| group(a.parse().unwrap()) == group(b.parse().unwrap());
        assert!(same("2001:db8:1:200::1", "2001:db8:1:2ff::9"));
        assert!(!same("2001:db8:1:200::1", "2001:db8:1:300::1"));
        assert!(same("::ffff:203.0.113.7", "203.0.113.7"));
        assert!(!same("203.0.113.7", "203.0.113.8"));
    }

    #[test]
    fn nearby_is_this_machine_and_private_networks() {
        for (address, loopback, nearby) in [
            ("127.0.0.1", true, true),
            ("::1", true, true),
            ("::ffff:127.0.0.1", true, true),
            ("192.168.1.4", false, true),
            ("10.0.0.1", false, true),
            ("203.0.113.7", false, false),
            ("fe80::1", false, false),
        ] {
            let client = address.parse().unwrap();
            assert_eq!((is_loopback(client), is_nearby(client)), (loopback, nearby), "{address}");
        }
    }
}
