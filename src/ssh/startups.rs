//! Connections of which nobody knows yet who they are: few in all, and fewer from one address, so that
//! whoever connects and says nothing keeps nobody out who may come in.
//!
//! As `MaxStartups` and `PerSourceMaxStartups` of OpenSSH's `sshd_config(5)`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Such connections in all.
const ALL_MAX: usize = 64;

/// Such connections from one address.
const ADDRESS_MAX: usize = 16;

/// The bits of an IPv6 address that a site has to give to its machines, and so to itself.
const HOST_BITS: u32 = 64;

/// The connections by their address.
#[derive(Debug, Default)]
pub(super) struct Startups {
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// The place of a connection. Dropped, it is free.
#[derive(Debug)]
pub(super) struct Startup {
    startups: Arc<Startups>,
    address: IpAddr,
}

impl Startups {
    /// A place for a connection from that address, if there is one.
    pub(super) fn begin(self: &Arc<Self>, peer: IpAddr) -> Option<Startup> {
        let address = site(peer);
        let mut by_address = self.lock();
        if by_address.values().sum::<usize>() >= ALL_MAX {
            return None;
        }
        let taken = by_address.entry(address).or_default();
        if *taken >= ADDRESS_MAX {
            return None;
        }
        *taken += 1;
        Some(Startup { startups: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Startup {
    fn drop(&mut self) {
        let mut by_address = self.startups.lock();
        if let Some(taken) = by_address.get_mut(&self.address) {
            *taken -= 1;
            if *taken == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

fn site(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> HOST_BITS << HOST_BITS;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_places_for_others_and_all_together_have_an_end() {
        let startups = Arc::new(Startups::default());
        let begin = |peer: &str| startups.begin(peer.parse().unwrap());
        let mut held: Vec<_> = (0..ADDRESS_MAX).map(|_| begin("192.0.2.1").unwrap()).collect();
        assert!(begin("192.0.2.1").is_none() && begin("::ffff:192.0.2.1").is_none());
        held.extend((0..ADDRESS_MAX).map(|nth| begin(&format!("2001:db8::{nth:x}")).unwrap()));
        assert!(begin("2001:db8::ffff").is_none() && begin("2001:db8:0:1::1").is_some());
        for nth in 0..ALL_MAX - 2 * ADDRESS_MAX {
            held.push(begin(&format!("198.51.100.{nth}")).unwrap());
        }
        assert!(begin("203.0.113.1").is_none());
        held.remove(0);
        assert!(begin("203.0.113.1").is_some() && begin("192.0.2.1").is_some());
        held.clear();
        assert!(startups.lock().is_empty());
    }
}
