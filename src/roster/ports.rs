//! Numbers that agents have for themselves.

use std::collections::BTreeSet;

/// The lowest number that an agent is given.
const FIRST: u16 = 2_222;

/// Which numbers are taken.
#[derive(Debug, Default)]
pub(super) struct Ports {
    taken: BTreeSet<u16>,
    /// All numbers from the first up to this one are taken.
    taken_below: u16,
}

impl Ports {
    /// Takes the wanted number, or the lowest that is free, 0 if none is; `None` if the wanted one is
    /// taken.
    pub(super) fn reserve(&mut self, wanted: Option<u16>) -> Option<u16> {
        let port = match wanted {
            Some(port) if self.taken.contains(&port) => return None,
            Some(port) => port,
            None => self.lowest_free(),
        };
        self.take(port);
        Some(port)
    }

    pub(super) fn take(&mut self, port: u16) {
        if port != 0 {
            self.taken.insert(port);
        }
    }

    pub(super) fn release(&mut self, port: u16) {
        self.taken.remove(&port);
        self.taken_below = self.taken_below.min(port);
    }

    fn lowest_free(&mut self) -> u16 {
        let mut free = self.taken_below.max(FIRST);
        for taken in self.taken.range(free..) {
            if *taken != free {
                break;
            }
            let Some(next) = free.checked_add(1) else { return 0 };
            free = next;
        }
        self.taken_below = free;
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_given_until_none_is_left() {
        let mut ports = Ports::default();
        assert_eq!(ports.reserve(None), Some(2_222));
        assert_eq!(ports.reserve(None), Some(2_223));
        assert_eq!(ports.reserve(Some(2_225)), Some(2_225));
        assert_eq!(ports.reserve(Some(2_225)), None);
        ports.release(2_222);
        assert_eq!(ports.reserve(None), Some(2_222));
        assert_eq!(ports.reserve(None), Some(2_224));
        assert_eq!(ports.reserve(None), Some(2_226));
        for port in 2_227..=u16::MAX {
            assert_eq!(ports.reserve(None), Some(port));
        }
        assert_eq!(ports.reserve(None), Some(0));
        assert_eq!(ports.reserve(None), Some(0));
        assert_eq!(ports.reserve(Some(1_024)), Some(1_024));
    }
}
