//! What all requests of the listener share.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use greenroom_actors::time::UnixMillis;
use tokio::sync::Semaphore;

use super::lanes::Lanes;
use super::pages::Pages;
use super::panels::Tickets;
use super::refusal::{self, Refusal};
use super::rows::Rows;
use super::settings::ElizaosSettings;
use super::visit::{Area, Upload, Visit};
use crate::host::Host;
use crate::http::cors::Cors;
use crate::http::places::places;
use crate::http::rate::{Limiter, Quota, Verdict, is_loopback, is_nearby};

/// What all requests of the listener share, whichever thread serves them.
pub(super) struct Shared {
    pub(super) settings: Arc<ElizaosSettings>,
    pub(super) host: Host,
    pub(super) limits: Limits,
    pub(super) cors: Cors,
    pub(super) in_flight: Lanes,
    /// Places of live streams, which are held as long as somebody follows.
    pub(super) streams: Arc<Semaphore>,
    pub(super) rows: Rows,
    pub(super) pages: Pages,
    pub(super) tickets: Tickets,
    requests: AtomicU64,
}

impl Shared {
    pub(super) fn new(settings: Arc<ElizaosSettings>, host: Host) -> Self {
        let origin = settings.cors_origin.as_deref().filter(|origin| !origin.is_empty());
        Self {
            limits: Limits::new(&settings),
            cors: Cors { origin: origin.and_then(|origin| HeaderValue::from_str(origin).ok()) },
            in_flight: Lanes::new(&settings),
            streams: Arc::new(Semaphore::new(places(settings.streams_max))),
            rows: Rows::default(),
            pages: Pages::of(&settings),
            tickets: Tickets::default(),
            // From a random start, so that ids of two processes do not collide in one log.
            requests: AtomicU64::new(rand::random()),
            settings,
            host,
        }
    }

    pub(super) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> UnixMillis {
        self.host.registry.clock().now()
    }
}

/// The quotas, in the numbers of elizaOS.
pub(super) struct Limits {
    is_on: bool,
    is_on_for_loopback: bool,
    general: Limiter,
    file: Limiter,
    upload: Limiter,
    channel_upload: Limiter,
    /// Of requests that name a channel which is not there.
    wrong_channel: Limiter,
    health: Limiter,
}

/// A limiter, and how it refuses.
type Limited<'a> = (&'a Limiter, &'static Refusal);

impl Limits {
    fn new(settings: &ElizaosSettings) -> Self {
        let per_minutes = |max, minutes: u64| {
            Limiter::new(Quota { max, window: Duration::from_secs(60 * minutes) })
        };
        Self {
            is_on: settings.is_rate_limited,
            is_on_for_loopback: settings.is_loopback_rate_limited,
            general: per_minutes(1_000, 15),
            file: per_minutes(100, 5),
            upload: per_minutes(50, 15),
            channel_upload: per_minutes(100, 15),
            wrong_channel: per_minutes(200, 10),
            health: per_minutes(100, 1),
        }
    }

    /// Whether this client's requests are not counted.
    fn are_none_for(&self, client: Option<IpAddr>) -> bool {
        !self.is_on || client.is_none_or(is_loopback) && !self.is_on_for_loopback
    }

    /// What keeps a client that asked for too many channels that are not there from asking for more.
    pub(super) fn of_wrong_channels(&self, client: Option<IpAddr>) -> Option<(&Limiter, IpAddr)> {
        let client = client.filter(|_| !self.are_none_for(client))?;
        Some((&self.wrong_channel, client))
    }

    /// What a request counts against, outermost first. A request whose origin is not known came
    /// over something nearer than a network.
    pub(super) fn of(
        &self,
        visit: &Visit,
        client: Option<IpAddr>,
    ) -> impl Iterator<Item = Limited<'_>> {
        let is_exempt =
            self.are_none_for(client) || visit.area == Area::Health && client.is_none_or(is_nearby);
        let quotas: [Option<Limited<'_>>; 3] = match (visit.area, visit.upload) {
            _ if is_exempt => [None; 3],
            (Area::Health, _) => [Some((&self.health, &refusal::HEALTH_RATE)), None, None],
            (Area::Api, upload) => {
                let general = Some((&self.general, &refusal::RATE));
                match upload {
                    Upload::No => [general, None, None],
                    Upload::File => [
                        general,
                        Some((&self.upload, &refusal::UPLOAD_RATE)),
                        Some((&self.file, &refusal::FILE_RATE)),
                    ],
                    Upload::Channel => {
                        [general, Some((&self.channel_upload, &refusal::CHANNEL_UPLOAD_RATE)), None]
                    }
                }
            }
            (Area::Bare | Area::Mcp, _) => [Some((&self.general, &refusal::RATE)), None, None],
            (Area::Metrics | Area::Page | Area::Socket, _) => [None; 3],
        };
        quotas.into_iter().flatten()
    }
}

impl Limiter {
    /// Counts a request at this moment.
    pub(super) fn count_now(&self, shared: &Shared, client: Option<IpAddr>) -> Verdict {
        self.count(client.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), shared.now())
    }
}
