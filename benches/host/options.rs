//! What is to be measured, and at what size.

/// What is to be measured, and at what size.
pub(crate) struct Options {
    pub(crate) parts: Vec<Part>,
    /// Agents of the fleets.
    pub(crate) agents: u32,
    /// Seconds that a fleet is watched.
    pub(crate) seconds: u32,
    /// Seconds of one run of a load.
    pub(crate) run_s: u32,
    /// Runs that a median is taken of.
    pub(crate) repeats: u32,
    /// Sockets in one channel.
    pub(crate) sockets: u32,
    /// Posts that they hear one by one, and as many in a row.
    pub(crate) posts: u32,
}

/// One part of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What an idle agent costs.
    Footprint,
    /// A fleet that ticks.
    Fleet,
    /// From nothing to an answer.
    Start,
    /// Reading an agent.
    Read,
    /// Writing memories.
    Write,
    /// Uploading files.
    Upload,
    /// Many sockets in one channel.
    Sockets,
    /// Talks in sessions.
    Sessions,
    /// Agents of many owners.
    Town,
}

impl Part {
    const ALL: [(&'static str, Self); 9] = [
        ("footprint", Self::Footprint),
        ("start", Self::Start),
        ("read", Self::Read),
        ("write", Self::Write),
        ("upload", Self::Upload),
        ("fleet", Self::Fleet),
        ("sockets", Self::Sockets),
        ("sessions", Self::Sessions),
        ("town", Self::Town),
    ];
}

impl Options {
    /// Small sizes: everything is done once.
    const SMALL: Self = Self {
        parts: Vec::new(),
        agents: 5_000,
        seconds: 10,
        run_s: 1,
        repeats: 1,
        sockets: 200,
        posts: 50,
    };

    /// The sizes of the figures that are to be reached.
    const FULL: Self = Self {
        parts: Vec::new(),
        agents: 100_000,
        seconds: 130,
        run_s: 5,
        repeats: 5,
        sockets: 1_000,
        posts: 200,
    };

    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let is_full = arguments.iter().any(|word| word == "--full");
        let mut options = if is_full { Self::FULL } else { Self::SMALL };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
                value.parse().map_err(|error| format!("{word} {value}: {error}"))
            };
            match word.as_str() {
                "--full" => {}
                "--agents" => options.agents = number()?,
                "--seconds" => options.seconds = number()?,
                "--run-seconds" => options.run_s = number()?,
                "--repeats" => options.repeats = number()?,
                "--sockets" => options.sockets = number()?,
                "--posts" => options.posts = number()?,
                name => {
                    let part = Part::ALL.iter().find(|(known, _)| *known == name);
                    let (_, part) = part.ok_or_else(|| unknown(name))?;
                    options.parts.push(*part);
                }
            }
        }
        if options.parts.is_empty() {
            options.parts.extend(Part::ALL.map(|(_, part)| part));
        }
        Ok(options)
    }
}

fn unknown(name: &str) -> String {
    let known = Part::ALL.map(|(name, _)| name).join(", ");
    format!("there is no part {name}; there are {known}")
}
