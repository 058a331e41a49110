//! Which numbers on the network may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far requests on behalf of others may reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses alone.
    #[default]
    Public,
    /// Also this machine and private networks. Never what is not a single machine's address, and
    /// never link-local ones, behind which clouds keep credentials.
    Anywhere,
}

/// What an address leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Somewhere on the internet.
    Public,
    /// This machine, or a network of somebody's own.
    Private,
    /// Nothing that anybody is asked for.
    Barred,
}

impl Reach {
    /// Whether that address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        let place = match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        };
        match place {
            Place::Public => true,
            Place::Private => self == Self::Anywhere,
            Place::Barred => false,
        }
    }
}

/// After the registry of special-purpose addresses (RFC 6890 and its successors).
fn of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        [10, ..] | [127, ..] | [192, 168, ..] => Place::Private,
        [172, second, ..] if second & 0xf0 == 16 => Place::Private,
        // Shared by the customers of a carrier; also where some clouds keep their metadata.
        [100, second, ..] if second & 0xc0 == 64 => Place::Private,
        // A cloud's own services, at an address that is public by its number.
        [168, 63, 129, 16] => Place::Barred,
        // This network, link-local, protocols, documentation, relays, benchmarks.
        [0, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Place::Barred,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => Place::Barred,
        _ => Place::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Place {
    if address.is_loopback() {
        return Place::Private;
    }
    let parts = address.segments();
    match parts {
        // Addresses of IPv4 in the clothes of IPv6 lead where those lead: mapped, translated for a
        // network that speaks IPv6 alone, and 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            of_v4(joined(high, low))
        }
        [0x2002, high, low, ..] => within(of_v4(joined(high, low)), parts),
        // Unique local.
        [0xfc00..=0xfdff, ..] => match parts {
            // A cloud's metadata.
            [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Place::Barred,
            _ => Place::Private,
        },
        // Protocols (with Teredo, which tunnels to anywhere) and documentation.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Place::Barred,
        // Nothing else is given out as an address of a single machine.
        [0x2000..=0x3fff, ..] => within(Place::Public, parts),
        _ => Place::Barred,
    }
}

/// Where an address leads whose last half may name one of IPv4, as ISATAP tunnels do.
fn within(outer: Place, parts: [u16; 8]) -> Place {
    match parts {
        [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] if outer == Place::Public => {
            of_v4(joined(high, low))
        }
        _ => outer,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_place() {
        for (address, expected) in [
            // Both ends of each range, and their neighbours.
            ("0.0.0.0", Place::Barred),
            ("0.255.255.255", Place::Barred),
            ("1.0.0.0", Place::Public),
            ("9.255.255.255", Place::Public),
            ("10.0.0.0", Place::Private),
            ("10.255.255.255", Place::Private),
            ("11.0.0.0", Place::Public),
            ("100.63.255.255", Place::Public),
            ("100.64.0.0", Place::Private),
            ("100.100.100.200", Place::Private),
            ("100.127.255.255", Place::Private),
            ("100.128.0.0", Place::Public),
            ("127.0.0.1", Place::Private),
            ("127.255.255.254", Place::Private),
            ("168.63.129.16", Place::Barred),
            ("169.253.255.255", Place::Public),
            ("169.254.169.254", Place::Barred),
            ("172.15.255.255", Place::Public),
            ("172.16.0.0", Place::Private),
            ("172.31.255.255", Place::Private),
            ("172.32.0.0", Place::Public),
            ("192.0.0.192", Place::Barred),
            ("192.0.1.1", Place::Public),
            ("192.0.2.1", Place::Barred),
            ("192.88.99.1", Place::Barred),
            ("192.168.0.1", Place::Private),
            ("198.17.255.255", Place::Public),
            ("198.18.0.1", Place::Barred),
            ("198.19.255.255", Place::Barred),
            ("198.20.0.0", Place::Public),
            ("198.51.100.7", Place::Barred),
            ("203.0.113.7", Place::Barred),
            ("223.255.255.255", Place::Public),
            ("224.0.0.1", Place::Barred),
            ("239.255.255.255", Place::Barred),
            ("240.0.0.1", Place::Barred),
            ("255.255.255.255", Place::Barred),
            ("::", Place::Barred),
            ("::1", Place::Private),
            ("::2", Place::Barred),
            ("::127.0.0.1", Place::Barred),
            ("::ffff:127.0.0.1", Place::Private),
            ("::ffff:169.254.169.254", Place::Barred),
            ("::ffff:8.8.8.8", Place::Public),
            ("::ffff:0:8.8.8.8", Place::Barred),
            ("64:ff9b::8.8.8.8", Place::Public),
            ("64:ff9b::10.0.0.1", Place::Private),
            ("64:ff9b::169.254.169.254", Place::Barred),
            ("64:ff9b:1::8.8.8.8", Place::Barred),
            ("100::1", Place::Barred),
            ("2001::1", Place::Barred),
            ("2001:1ff::1", Place::Barred),
            ("2001:200::1", Place::Public),
            ("2001:db8::1", Place::Barred),
            ("2001:4860:4860::8888", Place::Public),
            ("2002:0808:0808::1", Place::Public),
            ("2002:7f00:0001::1", Place::Private),
            ("2002:a9fe:a9fe::", Place::Barred),
            ("2606:4700::5efe:8.8.8.8", Place::Public),
            ("2606:4700::5efe:10.0.0.1", Place::Private),
            ("2606:4700::200:5efe:169.254.169.254", Place::Barred),
            ("2606:4700::1111", Place::Public),
            ("3fff::1", Place::Barred),
            ("3fff:1000::1", Place::Public),
            ("4000::1", Place::Barred),
            ("5f00::1", Place::Barred),
            ("fc00::1", Place::Private),
            ("fd00:ec2::254", Place::Barred),
            ("fd12:3456::1", Place::Private),
            ("fe80::1", Place::Barred),
            ("fec0::1", Place::Barred),
            ("ff02::1", Place::Barred),
        ] {
            let number = address.parse().unwrap();
            let public = Reach::Public.allows(number);
            let anywhere = Reach::Anywhere.allows(number);
            let place = match (public, anywhere) {
                (true, true) => Place::Public,
                (false, true) => Place::Private,
                _ => Place::Barred,
            };
            assert_eq!(place, expected, "{address}");
        }
    }
}
