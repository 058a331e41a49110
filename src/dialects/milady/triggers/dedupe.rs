//! What makes two triggers equivalent.

use greenroom_actors::triggers::{Schedule, Trigger, Wake};

use super::kept::{Kept, Kind};

/// What a trigger is compared by.
pub(super) struct Likeness<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) instructions: &'a str,
    pub(super) wake: Wake,
    pub(super) kept: Kept,
}

impl<'a> Likeness<'a> {
    pub(super) fn of(trigger: &'a Trigger) -> Self {
        Self {
            schedule: &trigger.schedule,
            instructions: &trigger.instructions,
            wake: trigger.wake,
            kept: Kept::of(trigger),
        }
    }

    /// Equal for triggers that do the same at the same times.
    pub(super) fn key(&self) -> String {
        let (mut every, mut at, mut cron) = Default::default();
        match self.schedule {
            Schedule::Interval { every_ms, .. } => every = every_ms.to_string(),
            Schedule::Once { at: due } => at = self.kept.written_at(*due),
            Schedule::Cron { expression, .. } => cron = expression.clone(),
        }
        let kind = Kind::of(self.schedule).word();
        let instructions = self.instructions.to_lowercase();
        let wake = wake_word(self.wake);
        format!("trigger-{:x}", hash(&format!("{kind}|{instructions}|{every}|{at}|{cron}|{wake}")))
    }
}

/// What Milady calls the two ways to take a firing up.
pub(super) fn wake_word(wake: Wake) -> &'static str {
    match wake {
        Wake::Now => "inject_now",
        Wake::NextTick => "next_autonomy_cycle",
    }
}

/// Bernstein's hash with exclusive or, in 32 bits, over the first UTF-16 unit of each character.
fn hash(text: &str) -> u32 {
    text.chars().fold(5_381, |hash: u32, letter| {
        let mut units = [0; 2];
        let first = letter.encode_utf16(&mut units).first().copied().unwrap_or_default();
        hash.wrapping_mul(33) ^ u32::from(first)
    })
}

#[cfg(test)]
mod tests {
    use greenroom_actors::time::UnixMillis;

    use super::*;

    #[test]
    fn the_hash_is_the_one_of_its_definition() {
        // 5381 · 33 = 177573, xor 97 = 177604; 177604 · 33 = 5860932, xor 98 = 5860902.
        for (text, expected) in [
            ("", 5_381),
            ("a", 177_604),
            ("ab", 5_860_902),
            // U+1F600 is D83D DE00 in UTF-16, and the first unit alone counts: 177573 xor 55357.
            ("😀", 177_573 ^ 0xd83d),
            // Four billion and more is cut to 32 bits.
            ("abcdefgh", 836_620_429),
        ] {
            assert_eq!(hash(text), expected, "{text}");
        }
    }

    #[test]
    fn triggers_are_alike_by_what_they_do_and_when() {
        let every = |every_ms| Schedule::Interval { every_ms, anchor: UnixMillis(5) };
        let key = |schedule: &Schedule, instructions, wake| {
            Likeness { schedule, instructions, wake, kept: Kept::default() }.key()
        };
        let minute = key(&every(60_000), "Make Tea", Wake::Now);
        assert_eq!(minute, format!("trigger-{:x}", hash("interval|make tea|60000|||inject_now")));
        let later = Schedule::Interval { every_ms: 60_000, anchor: UnixMillis(9) };
        assert_eq!(minute, key(&later, "make tea", Wake::Now));
        let at = Schedule::Once { at: UnixMillis(0) };
        assert_eq!(
            key(&at, "x", Wake::NextTick),
            format!("trigger-{:x}", hash("once|x||1970-01-01T00:00:00.000Z||next_autonomy_cycle"))
        );
        let cron = Schedule::Cron { expression: "0 9 * * *".into(), time_zone: "UTC".into() };
        assert_eq!(
            key(&cron, "x", Wake::Now),
            format!("trigger-{:x}", hash("cron|x|||0 9 * * *|inject_now"))
        );
        for other in [
            key(&every(60_001), "make tea", Wake::Now),
            key(&every(60_000), "make coffee", Wake::Now),
            key(&every(60_000), "make tea", Wake::NextTick),
        ] {
            assert_ne!(minute, other);
        }
    }
}
