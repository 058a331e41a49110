//! The console itself: lines come in, answers go out.

use std::collections::VecDeque;
use std::io;

use greenroom_actors::error::CoreError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};

use super::commands::{self, HELP, Wish};
use super::editor::{Did, Editor, LINE_MAX_BYTES};
use super::screen::Screen;
use super::talk::Talk;
use crate::workspace::Workspace;

/// Bytes that wait while an answer is awaited; no more are read until then.
const WAITING_MAX_BYTES: usize = 2 * LINE_MAX_BYTES;

/// What stands before a line that is typed.
const PROMPT: &[u8] = b"> ";

/// What interrupts.
const INTERRUPT: u8 = 0x03;

/// A console for one person and one agent.
pub struct Console {
    talk: Talk,
    workspace: Workspace,
    is_terminal: bool,
}

/// Whether there is more to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Off,
}

impl Console {
    /// A console for `talk`. A terminal has what is typed shown by the console, and edits lines.
    #[must_use]
    pub fn new(talk: Talk, workspace: Workspace, is_terminal: bool) -> Self {
        Self { talk, workspace, is_terminal }
    }

    /// Runs it until the person leaves.
    ///
    /// # Errors
    /// What keeps bytes from going through `stream`.
    pub async fn run<S: AsyncRead + AsyncWrite>(&self, stream: S) -> io::Result<()> {
        let (from, to) = tokio::io::split(stream);
        let mut session = Session {
            console: self,
            keys: Keys { from, waiting: VecDeque::new(), is_over: false },
            screen: Screen::new(to, self.is_terminal),
        };
        session.run().await
    }

    /// Says one thing and shows the answer; nothing can be typed meanwhile.
    ///
    /// # Errors
    /// Why there is no answer, in words, or else that it could not be shown.
    pub async fn once<W: AsyncWrite + Unpin>(
        &self,
        text: &str,
        to: W,
    ) -> io::Result<Result<(), CoreError>> {
        let mut screen = Screen::new(to, self.is_terminal);
        let mut answer = match self.talk.say(text).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            match answer.next().await {
                Ok(Some(words)) => screen.say(&words).await?,
                Ok(None) => {
                    screen.say("\n").await?;
                    return Ok(Ok(()));
                }
                Err(error) => return Ok(Err(error)),
            }
        }
    }
}

/// What is typed.
struct Keys<S> {
    from: ReadHalf<S>,
    waiting: VecDeque<u8>,
    is_over: bool,
}

impl<S: AsyncRead> Keys<S> {
    /// Waits for more. May be dropped while it waits: nothing is lost then.
    async fn read(&mut self) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let read = self.from.read(&mut bytes).await?;
        self.is_over = read == 0;
        self.waiting.extend(bytes.iter().take(read));
        Ok(())
    }

    fn can_take_more(&self) -> bool {
        !self.is_over && self.waiting.len() < WAITING_MAX_BYTES
    }

    /// Whether the person has interrupted; what was typed before that is forgotten.
    fn interrupted(&mut self) -> bool {
        let at = self.waiting.iter().rposition(|byte| *byte == INTERRUPT);
        let Some(at) = at else { return false };
        self.waiting.drain(..=at);
        true
    }
}

struct Session<'a, S> {
    console: &'a Console,
    keys: Keys<S>,
    screen: Screen<WriteHalf<S>>,
}

impl<S: AsyncRead + AsyncWrite> Session<'_, S> {
    async fn run(&mut self) -> io::Result<()> {
        let mut editor = Editor::new(self.console.is_terminal);
        self.greet().await?;
        loop {
            let mut echo = Vec::new();
            while let Some(byte) = self.keys.waiting.pop_front() {
                let Some(did) = editor.take(byte, &mut echo) else { continue };
                self.screen.echo(&std::mem::take(&mut echo)).await?;
                if self.heed(did).await? == Flow::Off {
                    return Ok(());
                }
                self.prompt().await?;
            }
            self.screen.echo(&echo).await?;
            if self.keys.is_over {
                if let Some(did) = editor.rest() {
                    self.heed(did).await?;
                }
                return Ok(());
            }
            self.keys.read().await?;
        }
    }

    async fn greet(&mut self) -> io::Result<()> {
        if !self.console.is_terminal {
            return Ok(());
        }
        let talk = &self.console.talk;
        let record = talk.messaging().registry().record(talk.agent()).await;
        let name = record.map_or_else(|_| "The agent".to_owned(), |it| it.character.name.clone());
        self.screen.line(&format!("{name} listens. /help says what else there is.")).await?;
        self.prompt().await
    }

    async fn prompt(&mut self) -> io::Result<()> {
        if self.console.is_terminal { self.screen.echo(PROMPT).await } else { Ok(()) }
    }

    async fn heed(&mut self, did: Did) -> io::Result<Flow> {
        let line = match did {
            Did::Line(line) => line,
            Did::Interrupted => return Ok(Flow::On),
            Did::Ended => {
                self.screen.say("\n").await?;
                return Ok(Flow::Off);
            }
            Did::TooLong => {
                let much = format!("error: a line must not be longer than {LINE_MAX_BYTES} bytes");
                self.screen.line(&much).await?;
                return Ok(Flow::On);
            }
        };
        let told = match Wish::of(&line) {
            Wish::Nothing => return Ok(Flow::On),
            Wish::Exit => return Ok(Flow::Off),
            Wish::Say(text) => return self.say(text).await,
            Wish::Help => Ok(HELP.to_owned()),
            Wish::Status => {
                commands::status(&self.console.talk).await.map_err(|error| error.to_string())
            }
            Wish::Files(folder) => commands::files(&self.console.workspace, folder)
                .await
                .map_err(|error| error.to_string()),
            Wish::Unknown(line) => Err(format!("there is no command {line}; see /help")),
        };
        match told {
            Ok(text) => self.screen.line(&text).await?,
            Err(reason) => self.screen.line(&format!("error: {reason}")).await?,
        }
        Ok(Flow::On)
    }

    /// Says something and shows the answer as it comes, unless the person has enough of it.
    async fn say(&mut self, text: &str) -> io::Result<Flow> {
        let mut answer = match self.console.talk.say(text).await {
            Ok(answer) => answer,
            Err(error) => {
                self.screen.line(&format!("error: {error}")).await?;
                return Ok(Flow::On);
            }
        };
        let is_terminal = self.console.is_terminal;
        loop {
            tokio::select! {
                coming = answer.next() => match coming {
                    Ok(Some(words)) => self.screen.say(&words).await?,
                    Ok(None) => {
                        self.screen.say("\n").await?;
                        return Ok(Flow::On);
                    }
                    Err(error) => {
                        self.screen.line(&format!("error: {error}")).await?;
                        return Ok(Flow::On);
                    }
                },
                read = self.keys.read(), if self.keys.can_take_more() => {
                    read?;
                    if is_terminal && self.keys.interrupted() {
                        let line = match self.console.talk.call_off(answer.letter).await {
                            Ok(()) => "^C".to_owned(),
                            Err(error) => format!("^C (the agent may go on: {error})"),
                        };
                        self.screen.line(&line).await?;
                        return Ok(Flow::On);
                    }
                }
            }
        }
    }
}
