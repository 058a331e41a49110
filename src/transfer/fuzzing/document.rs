//! A document put together from bytes: the shape of a payload, with whatever in it.
//!
//! Random bytes are no JSON, and random JSON is no payload. So the bytes choose: which records there
//! are, which fields they have, and now and then something that does not belong there.

use std::fmt::Write;

use super::source::Source;
use super::vocabulary::{
    AGENT, Fields, IDS, KEYS, Kind, NUMBERS, OWN, PLACES, TOP, TRIGGER, TRIGGER_OWN, WORDS,
};

/// Records of a list, fields of a record, and values within a value, at most.
const RECORDS: usize = 6;
const FIELDS: usize = 14;
const WITHIN: usize = 4;

/// How deep values lie in one another at most; deeper now and then, to where readers give up.
const DEEP: usize = 4;
const TOO_DEEP: usize = 140;

/// The document that those bytes choose.
pub(super) fn assembled(source: Source<'_>) -> String {
    let mut writer = Writer { source, text: String::new() };
    writer.document();
    writer.text
}

struct Writer<'a> {
    source: Source<'a>,
    text: String,
}

impl Writer<'_> {
    fn document(&mut self) {
        // Not always what is only ours comes last.
        let first = self.source.below(TOP.len());
        self.text.push('{');
        let mut is_first = true;
        for key in TOP.iter().cycle().skip(first).take(TOP.len()) {
            let times = match self.source.below(200) {
                199 => 0,
                198 => 2,
                _ => 1,
            };
            for _ in 0..times {
                self.between(&mut is_first);
                let _ = write!(self.text, "\"{key}\":");
                self.top(key);
            }
        }
        self.text.push('}');
        if self.source.once_in(200) {
            self.noise();
        }
    }

    fn top(&mut self, key: &str) {
        if self.source.once_in(150) {
            return self.value(0);
        }
        match key {
            "version" if self.source.once_in(60) => self.number(),
            "version" => self.text.push('1'),
            "exportedAt" => self.time(),
            "sourceAgentId" => self.id(),
            "agent" | "characterConfig" => self.object(&[], AGENT),
            _ => {
                self.text.push('[');
                for nth in 0..self.source.below(RECORDS) {
                    if nth > 0 {
                        self.text.push(',');
                    }
                    self.record(key);
                }
                self.text.push(']');
            }
        }
    }

    fn record(&mut self, list: &str) {
        if self.source.once_in(250) {
            return self.value(0);
        }
        match list {
            "participants" if self.source.once_in(3) => {
                let state = ("userState", Kind::Anything);
                self.object(&[("entityId", Kind::Id), ("roomId", Kind::Id), state], PLACES);
            }
            "participants" => {
                let state = ("userState", Kind::Text);
                self.object(&[("entityId", Kind::Id), ("roomId", Kind::Id), state], PLACES);
            }
            "tasks" if self.source.once_in(2) => {
                self.text.push_str("{\"id\":");
                self.id();
                self.text.push_str(",\"name\":\"TRIGGER_DISPATCH\",\"metadata\":{\"trigger\":");
                self.typed(Kind::Trigger);
                self.text.push_str("}}");
            }
            "greenroom" => self.object(&[("kind", Kind::Text)], OWN),
            "logs" => self.object(&[], PLACES),
            _ => self.object(&[("id", Kind::Id)], PLACES),
        }
    }

    /// An object with those fields, and some of the others.
    fn object(&mut self, always: &[(&str, Kind)], others: Fields) {
        self.text.push('{');
        let mut is_first = true;
        for (key, kind) in always {
            if self.source.once_in(250) {
                continue;
            }
            self.between(&mut is_first);
            let _ = write!(self.text, "\"{key}\":");
            self.typed(*kind);
        }
        for _ in 0..self.source.below(FIELDS) {
            let (key, kind) = self.source.pick(others);
            // A field twice is one of the ways in which a record can be odd.
            self.between(&mut is_first);
            let _ = write!(self.text, "\"{key}\":");
            if self.source.once_in(12) { self.value(0) } else { self.typed(kind) }
        }
        self.text.push('}');
    }

    fn typed(&mut self, kind: Kind) {
        match kind {
            Kind::Id => self.id(),
            Kind::Text => self.words(),
            Kind::Texts => {
                self.text.push('[');
                for nth in 0..self.source.below(WITHIN) {
                    if nth > 0 {
                        self.text.push(',');
                    }
                    self.words();
                }
                self.text.push(']');
            }
            Kind::Time => self.time(),
            Kind::Number => self.number(),
            Kind::Flag => {
                let flag = self.source.pick(&["true", "false"]);
                self.text.push_str(flag);
            }
            Kind::Free => self.free(0),
            Kind::Trigger => self.trigger(),
            Kind::Anything => self.value(0),
        }
    }

    /// A trigger that can be, but for what the bytes say of it.
    fn trigger(&mut self) {
        let likely = self.source.pick(&[
            "\"triggerType\":\"cron\",\"cronExpression\":\"0 9 * * *\",\"instructions\":\"x\"",
            "\"triggerType\":\"interval\",\"intervalMs\":60000,\"instructions\":\"x\"",
            "\"triggerType\":\"once\",\"scheduledAtIso\":4000000000000,\"instructions\":\"x\"",
            "\"triggerType\":\"cron\",\"instructions\":\"x\",\"timezone\":\"Europe/Berlin\"",
        ]);
        self.text.push('{');
        self.text.push_str(likely);
        for _ in 0..self.source.below(FIELDS) {
            let (key, kind) = self.source.pick(TRIGGER);
            let _ = write!(self.text, ",\"{key}\":");
            self.typed(kind);
        }
        if self.source.once_in(2) {
            self.text.push_str(",\"greenroom\":");
            self.object(&[("graceS", Kind::Number)], TRIGGER_OWN);
        }
        self.text.push('}');
    }

    fn time(&mut self) {
        if self.source.once_in(2) { self.number() } else { self.words() }
    }

    fn number(&mut self) {
        if self.source.once_in(2) {
            let number = i64::from_be_bytes(self.source.bytes());
            let _ = write!(self.text, "{number}");
        } else {
            let number = self.source.pick(&NUMBERS);
            self.text.push_str(number);
        }
    }

    fn id(&mut self) {
        let id = self.source.pick(&IDS);
        let _ = write!(self.text, "\"{id}\"");
    }

    fn words(&mut self) {
        match self.source.below(8) {
            0 => self.id(),
            1 => self.noise(),
            _ => {
                let word = self.source.pick(&WORDS);
                let _ = write!(self.text, "\"{word}\"");
            }
        }
    }

    /// A text of any bytes; some as escapes, among them halves of pairs.
    fn noise(&mut self) {
        let length = self.source.below(40);
        let bytes = self.source.some(length);
        if bytes.first().is_some_and(|first| first % 2 == 1) {
            self.text.push('"');
            for pair in bytes.chunks(2) {
                let unit = pair.iter().fold(0_u16, |unit, byte| unit << 8 | u16::from(*byte));
                let _ = write!(self.text, "\\u{unit:04x}");
            }
            self.text.push('"');
        } else {
            self.text.push_str(&serde_json::json!(String::from_utf8_lossy(bytes)).to_string());
        }
    }

    /// An object of free data.
    fn free(&mut self, depth: usize) {
        self.text.push('{');
        let mut is_first = true;
        for _ in 0..self.source.below(WITHIN) {
            self.between(&mut is_first);
            if self.source.once_in(3) {
                self.id();
            } else {
                let key = self.source.pick(&KEYS);
                let _ = write!(self.text, "\"{key}\"");
            }
            self.text.push(':');
            self.value(depth + 1);
        }
        self.text.push('}');
    }

    fn value(&mut self, depth: usize) {
        match self.source.below(12) {
            0 => self.text.push_str("null"),
            1 => self.typed(Kind::Flag),
            2 => self.number(),
            3 | 4 => self.id(),
            5 | 6 => self.words(),
            7 | 8 if depth < DEEP => self.free(depth),
            9 | 10 if depth < DEEP => {
                self.text.push('[');
                for nth in 0..self.source.below(WITHIN) {
                    if nth > 0 {
                        self.text.push(',');
                    }
                    self.value(depth + 1);
                }
                self.text.push(']');
            }
            11 if self.source.once_in(4) => {
                let depth = TOO_DEEP - self.source.below(TOO_DEEP);
                self.text.push_str(&"[".repeat(depth));
                self.text.push_str(&"]".repeat(depth));
            }
            _ => self.text.push_str("{}"),
        }
    }

    fn between(&mut self, is_first: &mut bool) {
        if !*is_first {
            self.text.push(',');
        }
        *is_first = false;
    }
}
