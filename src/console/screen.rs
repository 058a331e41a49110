//! What is shown, in a way that no text can do anything to a terminal.

use std::io;

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Where it is shown.
#[derive(Debug)]
pub(super) struct Screen<W> {
    to: W,
    is_terminal: bool,
}

impl<W: AsyncWrite + Unpin> Screen<W> {
    pub(super) fn new(to: W, is_terminal: bool) -> Self {
        Self { to, is_terminal }
    }

    /// Shows text, without what steers a terminal.
    pub(super) async fn say(&mut self, text: &str) -> io::Result<()> {
        let plain = plain(text, self.is_terminal);
        self.echo(plain.as_bytes()).await
    }

    /// Shows text on a line of its own.
    pub(super) async fn line(&mut self, text: &str) -> io::Result<()> {
        let line = format!("{text}\n");
        self.say(&line).await
    }

    /// Shows what was typed, and what moves the cursor.
    pub(super) async fn echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.to.write_all(bytes).await?;
        self.to.flush().await
    }
}

/// Text without control characters but ends of lines and tabs: an agent repeats what others wrote, and
/// that must not move a cursor, name a window or type a command.
pub(super) fn plain(text: &str, is_terminal: bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' if is_terminal => plain.push_str("\r\n"),
            '\n' | '\t' => plain.push(letter),
            letter if letter.is_control() => {}
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_steers_a_terminal() {
        let text = "a\x1b]0;title\x07b\u{9b}31mc\r\nd\te\x08";
        assert_eq!(plain(text, false), "a]0;titleb31mc\nd\te");
        assert_eq!(plain("a\nb\r\n", true), "a\r\nb\r\n");
    }
}
