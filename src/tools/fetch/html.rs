//! The plain text of an HTML page: what somebody would read, without its marks.
//!
//! No parser in the sense of the standard: it reads on once, forgives everything, and takes time in
//! proportion to the page.

/// Elements whose content nobody reads.
const UNREAD: [&str; 8] =
    ["script", "style", "template", "svg", "noscript", "iframe", "object", "canvas"];

/// Elements that begin a line of their own.
const LINES: [&str; 38] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "caption",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "html",
    "li",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tbody",
    "title",
    "tr",
    "ul",
    "option",
];

/// Letters by their names.
const NAMED: [(&str, &str); 22] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", " "),
    ("copy", "©"),
    ("reg", "®"),
    ("hellip", "…"),
    ("mdash", "—"),
    ("ndash", "–"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("bull", "•"),
    ("middot", "·"),
    ("euro", "€"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("shy", ""),
    ("times", "×"),
];

/// Bytes between `&` and `;` at most.
const NAME_MAX_BYTES: usize = 10;

/// The plain text of `html`.
pub(super) fn plain(html: &str) -> String {
    let mut text = Plain::default();
    let mut rest = html;
    while let Some(place) = rest.find('<') {
        let (words, tag) = rest.split_at(place);
        text.add(words);
        rest = match read(tag) {
            Some((Mark::Tag { name, is_end }, after)) => {
                if LINES.contains(&name.as_str()) {
                    text.line();
                    if name == "li" && !is_end {
                        text.add("- ");
                    }
                } else if matches!(name.as_str(), "td" | "th") {
                    text.add(" ");
                }
                if !is_end && UNREAD.contains(&name.as_str()) {
                    past_end(after, &name)
                } else {
                    after
                }
            }
            Some((Mark::Note, after)) => after,
            // A sign like others.
            None => {
                text.add("<");
                tag.get(1..).unwrap_or_default()
            }
        };
    }
    text.add(rest);
    text.done()
}

/// What stands between angle brackets.
enum Mark {
    Tag {
        name: String,
        is_end: bool,
    },
    /// A comment, a declaration, an instruction.
    Note,
}

/// Reads the mark that `text` begins with, and what comes after it.
fn read(text: &str) -> Option<(Mark, &str)> {
    let within = text.strip_prefix('<')?;
    if let Some(comment) = within.strip_prefix("!--") {
        return Some((Mark::Note, after(comment, "-->")));
    }
    if within.starts_with(['!', '?']) {
        return Some((Mark::Note, after(within, ">")));
    }
    let (is_end, within) = match within.strip_prefix('/') {
        Some(within) => (true, within),
        None => (false, within),
    };
    if !within.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let length = within.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    let (name, attributes) = within.split_at(length.unwrap_or(within.len()));
    Some((Mark::Tag { name: name.to_ascii_lowercase(), is_end }, past_attributes(attributes)))
}

/// What comes after the bracket that ends a tag: one in quotes does not.
fn past_attributes(attributes: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (place, letter) in attributes.char_indices() {
        match (quote, letter) {
            (None, '>') => return attributes.get(place + 1..).unwrap_or_default(),
            // Only where a value begins: elsewhere it is a stray.
            (None, '"' | '\'') if before == '=' => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            _ => {}
        }
        if !letter.is_whitespace() {
            before = letter;
        }
    }
    ""
}

/// What comes after the end of an element of that name.
fn past_end<'a>(text: &'a str, name: &str) -> &'a str {
    let mut rest = text;
    while let Some(place) = rest.find("</") {
        let end = rest.get(place + 2..).unwrap_or_default();
        if end.get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name)) {
            return after(end, ">");
        }
        rest = end;
    }
    ""
}

fn after<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// A text as it grows, without spaces and lines that nobody needs.
#[derive(Default)]
struct Plain {
    text: String,
    /// Whether a space is due before the next word.
    space: bool,
}

impl Plain {
    fn add(&mut self, words: &str) {
        let mut rest = words;
        while let Some(place) = rest.find('&') {
            let (before, entity) = rest.split_at(place);
            self.spaced(before);
            match decoded(entity) {
                Some((letter, after)) => {
                    self.spaced(&letter);
                    rest = after;
                }
                None => {
                    self.spaced("&");
                    rest = entity.get(1..).unwrap_or_default();
                }
            }
        }
        self.spaced(rest);
    }

    fn spaced(&mut self, words: &str) {
        for letter in words.chars() {
            if letter.is_whitespace() || letter.is_control() {
                self.space = true;
                continue;
            }
            if std::mem::take(&mut self.space)
                && !self.text.is_empty()
                && !self.text.ends_with('\n')
            {
                self.text.push(' ');
            }
            self.text.push(letter);
        }
    }

    fn line(&mut self) {
        self.space = false;
        // A bullet without anything behind it is none.
        if self.text.ends_with("\n-") {
            self.text.truncate(self.text.len() - 1);
        }
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn done(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

/// The letter that `text` begins with by name or number, and what comes after it.
fn decoded(text: &str) -> Option<(String, &str)> {
    let within = text.strip_prefix('&')?;
    let end = within.bytes().take(NAME_MAX_BYTES + 1).position(|byte| byte == b';')?;
    let (name, after) = (within.get(..end)?, within.get(end + 1..)?);
    let letter = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number)?.to_string()
        }
        None => NAMED.iter().find(|(known, _)| *known == name)?.1.to_owned(),
    };
    Some((letter, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_is_read_without_its_marks() {
        for (html, expected) in [
            ("plain  text\n here", "plain text here"),
            (
                "<!DOCTYPE html><html><head><title>A &amp; B</title><style>p {}</style></head>\
                 <body><h1>Head</h1><p>One <b>bold</b> word.<p>Two<br>three</body></html>",
                "A & B\nHead\nOne bold word.\nTwo\nthree",
            ),
            ("<ul><li>one</li><li>two</li><li></li></ul>end", "- one\n- two\nend"),
            ("<table><tr><td>a<td>b</tr><tr><th>c</table>", "a b\nc"),
            ("a<script>if (a < b) { x('</p>') }</SCRIPT >b", "ab"),
            ("a<script>never ends", "a"),
            ("a<!-- <p>no</p> -->b<?php no ?>c", "abc"),
            ("<a href=\"x>y\" title='>'>link</a>", "link"),
            ("1 < 2 & 3 &lt; 4", "1 < 2 & 3 < 4"),
            ("&#65;&#x42;&eacute;&#0;&#xD800;&nbsp;&;", "AB&eacute; &#xD800; &;"),
            ("caf\u{e9} <", "café <"),
            ("<", "<"),
            ("<p", ""),
            ("", ""),
        ] {
            assert_eq!(plain(html), expected, "{html}");
        }
    }

    #[test]
    fn a_page_of_nothing_but_beginnings_is_read_through() {
        for part in ["<", "<a ", "<!--", "<script>", "</", "&", "&#", "<a b=\"", "<li>"] {
            plain(&part.repeat(1_000_000 / part.len()));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<|/|!--|-->|script|p|li|&|#|;|x|é|'|\"|=| |>|.){0,60}") {
            plain(&text);
        }
    }
}
